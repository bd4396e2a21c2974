"""The clock of one source: absolute deadlines that nobody's slowness moves."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Awaitable, Callable
from dataclasses import dataclass


@dataclass(frozen=True)
class Tick:
    """One deadline that was kept: its number, how late it began, and how many before it were missed."""

    index: int
    lateness_s: float
    missed: int


class Clock:
    """Ticks `fps` times a second on absolute monotonic deadlines.

    A deadline that has passed by a whole period is skipped and counted as missed, never made up for.
    """

    def __init__(
        self,
        fps: float,
        *,
        now: Callable[[], float] = time.monotonic,
        sleep: Callable[[float], Awaitable[None]] = asyncio.sleep,
    ) -> None:
        self.period_s = 1.0 / fps
        self._now = now
        self._sleep = sleep

    async def ticks(self) -> AsyncIterator[Tick]:
        """Yield for ever; the first tick comes at once."""
        start, index = self._now(), 0
        while True:
            due = start + index * self.period_s
            while (early := due - self._now()) > 0:
                await self._sleep(early)
            lateness_s = -early
            missed = int(lateness_s / self.period_s)
            index += missed
            yield Tick(index, lateness_s - missed * self.period_s, missed)
            index += 1
