"""The pipe from a parent process: who holds its other end may end us by closing it, and does so when it dies."""

from __future__ import annotations

import contextlib
import os
import threading
from collections.abc import Callable

_STDIN = 0


def follow_parent(stop: Callable[[str], None]) -> None:
    """Have `stop` called, from another thread, when standard input ends."""
    threading.Thread(target=_wait, args=(stop,), name="parent-pipe", daemon=True).start()


def _wait(stop: Callable[[str], None]) -> None:
    # not sys.stdin: its lock, held by a thread that waits, is fatal to the exit of the interpreter
    with contextlib.suppress(OSError):
        while os.read(_STDIN, 4096):
            pass
    stop("the parent process has gone")
