"""A clock that stands still until a test moves it: time is an input of the code under test."""

from __future__ import annotations

import asyncio


class HandClock:
    """Call it for the time in seconds; `move` it, or let its `sleep` do so."""

    def __init__(self, start_s: float = 1000.0) -> None:
        self.time_s = start_s

    def __call__(self) -> float:
        return self.time_s

    def move(self, by_s: float) -> None:
        self.time_s += by_s

    async def sleep(self, for_s: float) -> None:
        """Pass the time without waiting."""
        self.time_s += for_s
        await asyncio.sleep(0)
