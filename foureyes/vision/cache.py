"""Answers kept for a few seconds by the digest of what was looked at; equal questions at once share one flight."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Literal

from cachetools import TTLCache

from foureyes.vision.answer import Answer

Origin = Literal["inferred", "cached", "shared"]


class AnswerCache:
    """Bounded; entries expire on the monotonic clock, and a hit does not extend them."""

    def __init__(self, *, ttl_s: float, max_entries: int, now: Callable[[], float] = time.monotonic) -> None:
        self._answers: TTLCache[str, Answer] = TTLCache(max_entries, ttl_s, timer=now)
        self._flights: dict[str, asyncio.Future[Answer]] = {}

    async def answer(
        self, key: str, read: Callable[[], Awaitable[Answer]], keep: Callable[[Answer], bool]
    ) -> tuple[Answer, Origin]:
        """Return the kept answer, or join the flight under way, or read; errors are shared and not kept.

        `keep` says whether an answer may be served again; it is asked before it is kept and before it is served.
        """
        if (kept := self._answers.get(key)) is not None and keep(kept):
            return kept, "cached"
        if (flight := self._flights.get(key)) is not None:
            return await asyncio.shield(flight), "shared"
        return await self._fly(key, read, keep), "inferred"

    async def _fly(
        self, key: str, read: Callable[[], Awaitable[Answer]], keep: Callable[[Answer], bool]
    ) -> Answer:
        flight = self._flights[key] = asyncio.get_running_loop().create_future()
        try:
            answer = await read()
            flight.set_result(answer)
        except Exception as error:
            flight.set_exception(error)  # a cancelled flight would end those who joined it, without a word
            flight.exception()  # retrieved: nobody may have joined
            raise
        finally:
            del self._flights[key]
            if not flight.done():
                flight.cancel()  # whatever else ended it, nobody shall wait for it
        if keep(answer):
            self._answers[key] = answer
        return answer

    def forget(self, key: str) -> None:
        """Serve the kept answer no more."""
        self._answers.pop(key, None)

    def __len__(self) -> int:
        return len(self._answers)
