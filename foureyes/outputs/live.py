"""Live events: a broadcast inside the daemon, bounded for every listener, so that a slow one slows nobody."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Container, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from foureyes.exceptions import TooManySubscribersError

_MOST_SUBSCRIBERS = 100
_WAITING_EACH = 200
_TOGETHER_S = 0.02
ON_DEMAND = frozenset({"log"})
"""Kinds of events that only those get who ask for them."""


@dataclass(frozen=True, eq=False)
class LiveEvent:
    """One event: a number that only grows, its kind, and plain JSON values."""

    id: int
    kind: str
    data: Mapping[str, Any]


class Subscription:
    """One listener's bounded queue: the oldest event goes when too many wait."""

    def __init__(self, dropped: Callable[[str, str], None], kinds: Container[str] | None = None) -> None:
        """`kinds` are those that are wanted; None is all but those of ON_DEMAND."""
        self._kinds = kinds
        self._waiting: deque[LiveEvent] = deque()
        self._filled = asyncio.Event()
        self._dropped = dropped
        self.ended = False

    def wants(self, kind: str) -> bool:
        """Whether events of a kind are wanted."""
        return kind not in ON_DEMAND if self._kinds is None else kind in self._kinds

    def put(self, event: LiveEvent) -> None:
        """Queue one event."""
        if len(self._waiting) >= _WAITING_EACH:
            self._waiting.popleft()
            self._dropped("live", "slow_listener")
        self._waiting.append(event)
        self._filled.set()

    def end(self) -> None:
        """Let the listener go: there will be no more events."""
        self.ended = True
        self._filled.set()

    async def take(self, timeout_s: float) -> list[LiveEvent]:
        """All events that wait, once there are any; none when none has come within the time.

        What comes together goes together: the readings of one frame are one wake of each listener.
        """
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._filled.wait()
        if self._waiting and not self.ended:
            await asyncio.sleep(_TOGETHER_S)
        events = list(self._waiting)
        self._waiting.clear()
        if not self.ended:
            self._filled.clear()
        return events


class LiveEvents:
    """The broadcast. Publishing is cheap with no listener, and never waits."""

    def __init__(self, dropped: Callable[[str, str], None]) -> None:
        self._dropped = dropped
        self._subscriptions: set[Subscription] = set()
        self._ids = count(1)
        self._closed = False

    @property
    def subscribers(self) -> int:
        """How many listen now."""
        return len(self._subscriptions)

    def publish(self, kind: str, data: Mapping[str, Any]) -> None:
        """Hand one event to everybody who listens."""
        event = LiveEvent(next(self._ids), kind, data)
        for subscription in self._subscriptions:
            if subscription.wants(kind):
                subscription.put(event)

    def wanted(self, kind: str) -> bool:
        """Whether anybody wants events of a kind."""
        return any(subscription.wants(kind) for subscription in list(self._subscriptions))

    def close(self) -> None:
        """Let every listener go; whoever comes later is let go at once."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.end()

    @contextmanager
    def subscribed(self, kinds: Container[str] | None = None) -> Iterator[Subscription]:
        """Listen while inside, to these kinds of events. Raises TooManySubscribersError beyond the bound."""
        if len(self._subscriptions) >= _MOST_SUBSCRIBERS:
            raise TooManySubscribersError(f"{_MOST_SUBSCRIBERS} listeners follow the live events; try again later")
        subscription = Subscription(self._dropped, kinds)
        if self._closed:
            subscription.end()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
