"""What signals say to the daemon: end, end at once, and (SIGHUP) take the configuration anew.

Windows has no SIGHUP: there a changed configuration takes effect at the next start.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from types import FrameType

_SAME_SIGNAL_S = 0.5
"""A signal that follows so soon is the same wish: some tell the process and its group."""
_HANG_UP = getattr(signal, "SIGHUP", None)


@dataclass(frozen=True)
class Wishes:
    """What is done about each; `force` must not return."""

    stop: Callable[[str], None]
    force: Callable[[], None]
    reload: Callable[[], None]


class Signals:
    """The first Ctrl-C or SIGTERM ends gracefully, a second one forces; SIGHUP reloads.

    A SIGHUP that comes because the terminal was closed ends the daemon, unless it was started with `nohup`: nobody
    would find it again.
    """

    def __init__(self, wishes: Wishes) -> None:
        self._wishes = wishes
        self._stopping_since_s: float | None = None
        self._has_terminal = False

    @contextmanager
    def heard(self) -> Iterator[None]:
        """Hear them while inside; what is wished is done in the running event loop, `force` at once."""
        self._loop = asyncio.get_running_loop()
        before = {number: signal.signal(number, self._ask_to_stop) for number in (signal.SIGINT, signal.SIGTERM)}
        if _HANG_UP is not None:
            before[_HANG_UP] = signal.signal(_HANG_UP, self._hang_up)
            self._has_terminal = before[_HANG_UP] is not signal.SIG_IGN and _has_terminal()
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _ask_to_stop(self, number: int, _frame: FrameType | None) -> None:
        if self._stopping_since_s is not None:
            if time.monotonic() - self._stopping_since_s < _SAME_SIGNAL_S:
                return
            self._wishes.force()
        self._stopping_since_s = time.monotonic()
        self._loop.call_soon_threadsafe(self._wishes.stop, signal.Signals(number).name)

    def _hang_up(self, number: int, frame: FrameType | None) -> None:
        if self._has_terminal and not _has_terminal():
            self._ask_to_stop(number, frame)
        else:
            self._loop.call_soon_threadsafe(self._wishes.reload)


def _has_terminal() -> bool:
    """Whether a terminal controls this process."""
    with contextlib.suppress(OSError):
        os.close(os.open("/dev/tty", os.O_RDONLY))
        return True
    return False
