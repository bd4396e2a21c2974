"""The daemon's own memory against its limit: a word when it grows, and caches let go before it is too late."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from typing import Any

from foureyes.telemetry.footprint import give_back
from foureyes.telemetry.log import event
from foureyes.telemetry.resources import process_use
from foureyes.telemetry.words import Word

_HIGH, _CRITICAL = 0.8, 0.9
_MARGIN = 0.05
"""So far below a threshold it counts as left, so that nothing is said at each check."""
_MB = 1e6


class OwnMemory:
    """Checked now and then; says a thing once on the way up and once on the way down."""

    def __init__(self, limit_bytes: int, caches: Sequence[Callable[[], None]]) -> None:
        self._limit_bytes = limit_bytes
        self._caches = tuple(caches)
        self._high = False
        self._critical = False
        self._rss_bytes = 0

    async def check(self) -> None:
        """Look at the resident memory, and act where it is too much."""
        self._rss_bytes = process_use().rss_bytes
        was_high, was_critical = self._high, self._critical
        self._high, self._critical = self._above(_HIGH, was_high), self._above(_CRITICAL, was_critical)
        if self._high and not was_high:
            event("memory.high", f"{self._words()}; at 90 % caches are let go", level="warning")
        if self._critical and not was_critical:
            await self._relieve()
        if was_high and not self._high:
            event("memory.recovered", self._words())

    def component(self) -> dict[str, Any]:
        """How it stands, for /health."""
        return {
            "state": Word.DEGRADED if self._high or self._critical else Word.OK,
            "level": "critical" if self._critical else "high" if self._high else "normal",
            "reason": self._words() if self._high else None,
            "limit_bytes": self._limit_bytes,
        }

    def _above(self, threshold: float, was_above: bool) -> bool:  # noqa: FBT001 - one of two states, not an option
        return self._rss_bytes >= self._limit_bytes * (threshold - _MARGIN * was_above)

    async def _relieve(self) -> None:
        for let_go in self._caches:
            let_go()
        await asyncio.to_thread(give_back)
        gained_mb = (self._rss_bytes - process_use().rss_bytes) / _MB
        event("memory.relieved", f"{self._words()}; letting caches go gained {gained_mb:.0f} MB", level="warning")

    def _words(self) -> str:
        percent = 100 * self._rss_bytes / self._limit_bytes
        rss_mb, limit_mb = self._rss_bytes / _MB, self._limit_bytes / _MB
        return f"the daemon holds {rss_mb:.0f} MB, {percent:.0f} % of its limit of {limit_mb:.0f} MB"
