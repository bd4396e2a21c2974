"""A clock that jumps: what waits in a reproduction is over at once, however long it says that it waits."""

from __future__ import annotations

import asyncio
import selectors
import time
from collections.abc import Callable, Iterator
from concurrent.futures import Executor
from contextlib import contextmanager
from typing import Any, TypeVar

T = TypeVar("T")

_THREAD_POLL_S = 0.005
_MOST_JUMPS = 10_000
"""A call that waits more often than this is one that goes on for ever."""


class NeverEndsError(Exception):
    """A call waits for what cannot come, nothing being scheduled and no thread at work; or again and again."""


class VirtualClock:
    """Monotonic and UTC seconds that go on only when somebody waits."""

    def __init__(self, mono_s: float, utc_s: float) -> None:
        self.mono_s = mono_s
        self._ahead_s = utc_s - mono_s

    def monotonic(self) -> float:
        """Monotonic seconds."""
        return self.mono_s

    def monotonic_ns(self) -> int:
        """Monotonic nanoseconds."""
        return int(self.mono_s * 1e9)

    def time(self) -> float:
        """Seconds since 1970."""
        return self.mono_s + self._ahead_s

    def sleep(self, seconds: float) -> None:
        """Jump ahead."""
        self.mono_s += max(0.0, seconds)

    @contextmanager
    def in_place(self) -> Iterator[None]:
        """Be the clock of `time` while inside. What was imported by name before keeps the real one."""
        fakes = {
            "monotonic": self.monotonic, "perf_counter": self.monotonic, "monotonic_ns": self.monotonic_ns,
            "time": self.time, "sleep": self.sleep,
        }  # fmt: skip
        real = {name: getattr(time, name) for name in fakes}
        for name, fake in fakes.items():
            setattr(time, name, fake)
        try:
            yield
        finally:
            for name, before in real.items():
                setattr(time, name, before)


class _JumpingSelector(selectors.DefaultSelector):
    """Jumps to the next deadline where nothing is to come from outside before it."""

    def __init__(self, clock: VirtualClock, is_busy: Callable[[], bool]) -> None:
        super().__init__()
        self._clock = clock
        self._is_busy = is_busy
        self._jumps = 0

    def select(self, timeout: float | None = None) -> Any:
        """What is ready; threads at work are waited for in real time. Raises NeverEndsError."""
        ready = super().select(_THREAD_POLL_S if self._is_busy() else 0)
        if not ready and timeout != 0 and not self._is_busy():
            self._jump(timeout)
        return ready

    def _jump(self, timeout: float | None) -> None:
        self._jumps += 1
        if timeout is None or self._jumps > _MOST_JUMPS:
            raise NeverEndsError
        self._clock.sleep(timeout)


class VirtualLoop(asyncio.SelectorEventLoop):
    """An event loop on a virtual clock."""

    def __init__(self, clock: VirtualClock) -> None:
        self._clock = clock
        self._in_threads = 0
        super().__init__(_JumpingSelector(clock, lambda: self._in_threads > 0))

    def time(self) -> float:
        """Virtual seconds."""
        return self._clock.mono_s

    def run_in_executor(  # type: ignore[override]  # typeshed has it with a type variable tuple
        self, executor: Executor | None, func: Callable[..., T], *args: Any
    ) -> asyncio.Future[T]:
        """Have a thread do it, which takes real time."""
        self._in_threads += 1
        future = super().run_in_executor(executor, func, *args)
        future.add_done_callback(self._left_thread)
        return future

    def _left_thread(self, _future: asyncio.Future[Any]) -> None:
        self._in_threads -= 1
