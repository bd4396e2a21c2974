"""Storms: which of many alike faults is kept in full, decided in memory and bounded."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

from cachetools import LRUCache

from foureyes.errors.group import is_sample

_MOST_STORMS = 10_000


@dataclass
class Storm:
    """Alike faults, none of them a whole window after the one before."""

    last_mono_s: float
    count: int = 0
    kept_event: str = ""
    """The last one that was kept in full: it stands for those that only count."""


class Storms:
    """The storms of the last while. Not for several threads at once."""

    def __init__(self, window_s: float, now: Callable[[], float] = time.monotonic) -> None:
        self._window_s = window_s
        self._now = now
        self._storms: LRUCache[str, Storm] = LRUCache(_MOST_STORMS)

    def note(self, fingerprint: str) -> tuple[Storm, bool]:
        """The storm that a fault belongs to, with it counted, and whether it is kept in full."""
        now_s = self._now()
        storm = self._storms.get(fingerprint)
        if storm is None or now_s - storm.last_mono_s > self._window_s:
            storm = self._storms[fingerprint] = Storm(now_s)
        storm.count += 1
        storm.last_mono_s = now_s
        return storm, is_sample(storm.count)

    def forget(self, fingerprint: str) -> None:
        """The next fault of this kind is the first of a storm again."""
        self._storms.pop(fingerprint, None)
