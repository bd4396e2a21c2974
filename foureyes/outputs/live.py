"""Live events: a broadcast inside the daemon, bounded for every listener, so that a slow one slows nobody."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from itertools import count
from typing import Any

from foureyes.exceptions import TooManySubscribersError

_MOST_SUBSCRIBERS = 100
_WAITING_EACH = 200


@dataclass(frozen=True)
class LiveEvent:
    """One event: a number that only grows, its kind, and plain JSON values."""

    id: int
    kind: str
    data: Mapping[str, Any]


class Subscription:
    """One listener's bounded queue: the oldest event goes when too many wait."""

    def __init__(self, dropped: Callable[[str, str], None]) -> None:
        self._waiting: deque[LiveEvent] = deque()
        self._filled = asyncio.Event()
        self._dropped = dropped
        self.ended = False

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

    async def next(self, timeout_s: float) -> LiveEvent | None:
        """The next event, or None when none has come within the time."""
        with suppress(TimeoutError):
            async with asyncio.timeout(timeout_s):
                await self._filled.wait()
        if not self._waiting:
            return None
        event = self._waiting.popleft()
        if not self._waiting and not self.ended:
            self._filled.clear()
        return event


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
            subscription.put(event)

    def close(self) -> None:
        """Let every listener go; whoever comes later is let go at once."""
        self._closed = True
        for subscription in self._subscriptions:
            subscription.end()

    @contextmanager
    def subscribed(self) -> Iterator[Subscription]:
        """Listen while inside. Raises TooManySubscribersError beyond the bound."""
        if len(self._subscriptions) >= _MOST_SUBSCRIBERS:
            raise TooManySubscribersError(f"{_MOST_SUBSCRIBERS} listeners follow the live events; try again later")
        subscription = Subscription(self._dropped)
        if self._closed:
            subscription.end()
        self._subscriptions.add(subscription)
        try:
            yield subscription
        finally:
            self._subscriptions.discard(subscription)
