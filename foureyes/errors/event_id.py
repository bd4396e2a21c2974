"""Ids that sort by time: UUID version 7 of RFC 9562, by its section 6.2, method 3 within a millisecond."""

from __future__ import annotations

import secrets
import threading
import time
import uuid
from collections.abc import Callable

_NS_A_MS = 1_000_000


class EventIds:
    """Gives out ids, each later than the one before, be the clock set back. May be called from any thread."""

    def __init__(self, time_ns: Callable[[], int] = time.time_ns) -> None:
        self._time_ns = time_ns
        self._last = 0
        self._lock = threading.Lock()

    def next(self) -> str:
        """The next id, as 36 characters."""
        ms, rest_ns = divmod(self._time_ns(), _NS_A_MS)
        with self._lock:
            self._last = max(self._last + 1, ms << 12 | rest_ns * 4096 // _NS_A_MS)
            ticks = self._last
        number = (ticks >> 12) << 80 | 0x7 << 76 | (ticks & 0xFFF) << 64 | 0b10 << 62 | secrets.randbits(62)
        return str(uuid.UUID(int=number))
