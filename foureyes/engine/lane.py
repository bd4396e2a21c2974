"""A lane: one thread that does one kind of work, one job after the other, off the event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from foureyes.exceptions import ServerBusyError

_MOST_WAITING = 32

Result = TypeVar("Result")


class Lane:
    """Runs jobs in order in a thread of its own; it refuses more than it can hold, and knows how long it works."""

    def __init__(self, name: str) -> None:
        self.name = name
        self._pool = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._waiting = 0
        self._started_s: float | None = None

    async def run(self, job: Callable[[], Result]) -> Result:
        """Do a job when its turn comes. Raises ServerBusyError where too many wait already."""
        if self._waiting >= _MOST_WAITING:
            raise ServerBusyError(f"{self._waiting} requests wait for the {self.name} models; ask again later")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._timed, job)
        finally:
            self._waiting -= 1

    def _timed(self, job: Callable[[], Result]) -> Result:
        self._started_s = time.monotonic()
        try:
            return job()
        finally:
            self._started_s = None

    @property
    def waiting(self) -> int:
        """Jobs that were taken and are not done."""
        return self._waiting

    def working_s(self) -> float:
        """How long the job under way has been worked on; 0 where none is."""
        started_s = self._started_s
        return 0.0 if started_s is None else time.monotonic() - started_s

    def close(self) -> None:
        """Take no more jobs and drop those that wait."""
        self._pool.shutdown(wait=False, cancel_futures=True)
