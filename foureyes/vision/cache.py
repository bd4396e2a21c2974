"""Answers kept for a few seconds by the digest of what was looked at; equal questions at once share one flight."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass
from typing import Any, Literal

from cachetools import TTLCache

from foureyes.vision.answer import Answer

Origin = Literal["inferred", "cached", "shared"]
Read = Callable[[], Coroutine[Any, Any, Answer]]


@dataclass(eq=False)
class _Flight:
    """One read under way, in a task of its own: whoever leaves takes it from nobody else."""

    reading: asyncio.Task[Answer]
    waiting: int = 0


class AnswerCache:
    """Bounded; entries expire on the monotonic clock, and a hit does not extend them."""

    def __init__(self, *, ttl_s: float, max_entries: int, now: Callable[[], float] = time.monotonic) -> None:
        self._answers: TTLCache[str, Answer] = TTLCache(max_entries, ttl_s, timer=now)
        self._flights: dict[str, _Flight] = {}

    async def answer(self, key: str, read: Read, keep: Callable[[Answer], bool]) -> tuple[Answer, Origin]:
        """Return the kept answer, or join the flight under way, or read; errors are shared and not kept.

        `keep` says whether an answer may be served again; it is asked before it is kept and before it is served.
        A read ends early only when everybody who waits for it was cancelled.
        """
        if (kept := self._answers.get(key)) is not None and keep(kept):
            return kept, "cached"
        if (flight := self._flights.get(key)) is not None:
            return await self._joined(key, flight), "shared"
        reading = asyncio.create_task(self._read(key, read, keep), name="reading an answer")
        flight = self._flights[key] = _Flight(reading)
        return await self._joined(key, flight), "inferred"

    async def _read(self, key: str, read: Read, keep: Callable[[Answer], bool]) -> Answer:
        answer = await read()
        if keep(answer):
            self._answers[key] = answer
        return answer

    async def _joined(self, key: str, flight: _Flight) -> Answer:
        flight.waiting += 1
        try:
            return await asyncio.shield(flight.reading)
        finally:
            flight.waiting -= 1
            if flight.reading.done() or not flight.waiting:
                flight.reading.cancel()
                if self._flights.get(key) is flight:
                    del self._flights[key]

    def forget(self, key: str) -> None:
        """Serve the kept answer no more."""
        self._answers.pop(key, None)

    def clear(self) -> None:
        """Serve no kept answer any more."""
        self._answers.clear()

    def __len__(self) -> int:
        return len(self._answers)
