"""The daemon as the child of a service process: ended through its standard input, never left behind."""

from __future__ import annotations

import subprocess
import threading
from collections import deque
from collections.abc import Sequence
from typing import IO

_GRACE_S = 20.0
_LAST_LINES = 20
_LINE_CHARS = 4096


class Hosted:
    """One run of `foureyes run --parent-pipe`: it ends when its standard input does, so also when we die."""

    def __init__(self, command: Sequence[str], *, grace_s: float = _GRACE_S) -> None:
        self._process = subprocess.Popen(  # noqa: S603 - by argument list
            command,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            errors="replace",
            creationflags=getattr(subprocess, "CREATE_NO_WINDOW", 0),
        )
        self.pid = self._process.pid
        self._lines: deque[str] = deque(maxlen=_LAST_LINES)
        self._reader = threading.Thread(target=self._drain, args=(self._process.stderr,), daemon=True)
        self._reader.start()
        self._kill = threading.Timer(grace_s, self._process.kill)
        self._kill.daemon = True

    def ask_to_end(self) -> None:
        """Begin its end, and return at once; what is not gone after the grace is killed."""
        self._hang_up()
        if self._kill.ident is None:  # not started yet
            self._kill.start()

    def wait(self) -> int:
        """Return its exit code when it has ended."""
        code = self._process.wait()
        self._kill.cancel()
        self._hang_up()
        self._reader.join(1)
        return code

    def last_words(self) -> str:
        """The last lines that it wrote."""
        return "\n".join(self._lines)

    def _hang_up(self) -> None:
        assert self._process.stdin is not None
        self._process.stdin.close()

    def _drain(self, stream: IO[str]) -> None:
        with stream:
            while line := stream.readline(_LINE_CHARS):
                self._lines.append(line.rstrip())
