"""How often a client may ask: windows that slide, of fixed size whatever is asked of them."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Hashable
from dataclasses import dataclass

from cachetools import LRUCache

from foureyes.config.web import Rate

_SLOTS = 60
_MOST_CLIENTS = 2000


@dataclass
class _Slot:
    number: int
    hits: int


class SlidingWindow:
    """At most so many hits in any span of so many seconds.

    Hits are counted in slots of a sixtieth of the span, and a slot leaves when all of it is older than the span:
    never one hit too many, and a place is free again at most one slot late. Times are monotonic seconds.
    """

    def __init__(self, most: int, span_s: float) -> None:
        self._most = most
        self._slot_s = span_s / _SLOTS
        self._slots: deque[_Slot] = deque()
        self._hits = 0

    def wait_s(self, now_s: float) -> float:
        """Seconds until one more hit would be allowed; 0 where it is now."""
        number = self._number(now_s)
        while self._slots and self._slots[0].number < number - _SLOTS:
            self._hits -= self._slots.popleft().hits
        if self._hits < self._most:
            return 0.0
        return (self._slots[0].number + _SLOTS + 1) * self._slot_s - now_s

    def hit(self, now_s: float) -> None:
        """Count one hit."""
        number = self._number(now_s)
        if not self._slots or self._slots[-1].number < number:
            self._slots.append(_Slot(number, 0))
        self._slots[-1].hits += 1
        self._hits += 1

    def _number(self, now_s: float) -> int:
        return int(now_s // self._slot_s)


class ClientRate:
    """One client's windows, a minute and an hour."""

    def __init__(self, rate: Rate) -> None:
        self._windows = SlidingWindow(rate.per_minute, 60.0), SlidingWindow(rate.per_hour, 3600.0)

    def take(self, now_s: float) -> float:
        """Count a request and return 0, or return the seconds after which it may come again."""
        wait_s = max(window.wait_s(now_s) for window in self._windows)
        if wait_s <= 0:
            for window in self._windows:
                window.hit(now_s)
        return wait_s


class Rates:
    """The clients of all classes, each with its own windows; of too many the one seen longest ago is forgotten."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._now = now
        self._clients: LRUCache[Hashable, ClientRate] = LRUCache(_MOST_CLIENTS)

    def take(self, client: Hashable, rate: Rate) -> float:
        """Count a request of a client and return 0, or return the seconds after which it may come again."""
        if (known := self._clients.get(client)) is None:
            known = self._clients[client] = ClientRate(rate)
        return known.take(self._now())
