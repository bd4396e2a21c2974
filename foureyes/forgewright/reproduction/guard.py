"""What a reproduction may not do: it runs real code with real arguments, and must leave the world as it is."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

_REFUSED = {
    "socket.connect": "connect to somebody",
    "socket.bind": "listen",
    "socket.sendto": "send something",
    "socket.sendmsg": "send something",
    "socket.getaddrinfo": "ask who somebody is",
    "socket.gethostbyname": "ask who somebody is",
    "subprocess.Popen": "start a program",
    "os.system": "start a program",
    "os.exec": "start a program",
    "os.posix_spawn": "start a program",
    "os.spawn": "start a program",
    "os.startfile": "start a program",
    "os.fork": "fork",
    "os.forkpty": "fork",
    "os.kill": "send a signal",
    "os.killpg": "send a signal",
    "os.remove": "remove a file",
    "os.rename": "move a file",
    "os.rmdir": "remove a folder",
    "os.mkdir": "make a folder",
    "os.truncate": "cut a file",
    "os.chmod": "change who may use a file",
    "os.chown": "change who may use a file",
    "os.utime": "change a file's time",
    "os.setxattr": "change what is said of a file",
    "os.link": "link a file",
    "os.symlink": "link a file",
    "shutil.rmtree": "remove a folder",
    "sqlite3.connect": "open a database",
}
_WRITES = os.O_WRONLY | os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND


class GuardedError(Exception):
    """The call would have changed something outside."""


class _Guard:
    """Python's hook for what a program does to the world; it cannot be taken out again, but rests."""

    def __init__(self) -> None:
        self.is_active = False
        self.refused: list[str] = []
        self._is_hooked = False

    def hook_in(self) -> None:
        if not self._is_hooked:
            self._is_hooked = True
            sys.addaudithook(self._look)

    def _look(self, name: str, arguments: tuple[Any, ...]) -> None:
        if not self.is_active:
            return
        what = _REFUSED.get(name)
        if name == "open" and _writes(*arguments[1:3]) and arguments[0] != os.devnull:
            what = "write a file"
        if what is not None:
            self.refused.append(f"it would {what}")
            raise GuardedError(f"the call would {what}, and a reproduction may not")


_guard = _Guard()


def _writes(mode: Any, flags: Any) -> bool:
    if isinstance(mode, str):
        return not {"w", "a", "x", "+"}.isdisjoint(mode)
    return isinstance(flags, int) and bool(flags & _WRITES)


@contextmanager
def guarded() -> Iterator[list[str]]:
    """Refuse what would change anything outside; what was refused is in the list."""
    _guard.hook_in()
    _guard.refused = []
    compiles, sys.dont_write_bytecode = sys.dont_write_bytecode, True
    _guard.is_active = True
    try:
        yield _guard.refused
    finally:
        _guard.is_active = False
        sys.dont_write_bytecode = compiles
