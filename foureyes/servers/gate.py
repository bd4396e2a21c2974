"""The gate in front of a server: how many requests at once, and who goes next when not all can."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field

from foureyes.exceptions import QueueFullError
from foureyes.servers.server import Priority

_LOOP_IN_A_ROW = 3
"""While operators wait, every fourth place is theirs: a loop that never rests starves nobody."""
_AGE_S = 10.0
"""Who waited so long counts as one priority higher, so that low ones are served too."""
_SMOOTHING = 0.2
_RETRY_AFTER_S = (1.0, 60.0)


@dataclass(eq=False)
class _Waiter:
    priority: Priority
    since_s: float
    tag: int
    """Its turn among the operators, given when it comes: a client's next request is behind others' first ones."""
    let_in: asyncio.Event = field(default_factory=asyncio.Event)

    @property
    def is_loop(self) -> bool:
        return self.priority is Priority.LOOP


class Gate:
    """One server's gate. The loop goes first, operators by priority and in turns (start-time fair queueing).

    Operators never take the last place where there are two or more, so that the loop waits for none of them. The
    loop's waiters are bounded by construction: a task has at most one request under way.
    """

    def __init__(
        self,
        server: str,
        max_requests: int,
        max_waiting: int,
        dropped: Callable[[str, str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._server = server
        self._max_requests = max_requests
        self._max_waiting = max_waiting
        self._dropped = dropped
        self._now = now
        self._inside: set[_Waiter] = set()
        self._loop: list[_Waiter] = []
        self._operators: list[_Waiter] = []
        self._loop_in_a_row = 0
        self._served_tag = 0
        self._last_tags: dict[tuple[Priority, str], int] = {}
        self._usual_wait_s = 0.0

    @property
    def inside(self) -> int:
        """Requests that the server has now."""
        return len(self._inside)

    @property
    def waiting(self) -> int:
        """Requests that wait for a place."""
        return len(self._loop) + len(self._operators)

    @asynccontextmanager
    async def enter(self, priority: Priority, client: str) -> AsyncIterator[None]:
        """Hold one place while inside. Raises QueueFullError where an operator's request cannot even wait."""
        waiter = self._queued(priority, client)
        self._let_in()
        try:
            await waiter.let_in.wait()
            yield
        finally:
            self._leave(waiter)

    def _queued(self, priority: Priority, client: str) -> _Waiter:
        if priority is Priority.LOOP:
            waiter = _Waiter(priority, self._now(), 0)
            self._loop.append(waiter)
            return waiter
        if len(self._operators) >= self._max_waiting:
            self._dropped("queue", "full")
            raise self._refusal()
        waiter = _Waiter(priority, self._now(), self._tag(priority, client))
        self._operators.append(waiter)
        return waiter

    def _refusal(self) -> QueueFullError:
        least_s, most_s = _RETRY_AFTER_S
        return QueueFullError(
            f"{len(self._operators)} requests wait for server '{self._server}' already; come again later",
            retry_after_s=min(max(self._usual_wait_s, least_s), most_s),
        )

    def _tag(self, priority: Priority, client: str) -> int:
        tag = max(self._served_tag, self._last_tags.get((priority, client), 0)) + 1
        self._last_tags = {key: last for key, last in self._last_tags.items() if last > self._served_tag}
        self._last_tags[priority, client] = tag
        return tag

    def _leave(self, waiter: _Waiter) -> None:
        """Give the place back, or the place in the queue where it was cancelled while it waited."""
        if waiter in self._inside:
            self._inside.remove(waiter)
        else:
            (self._loop if waiter.is_loop else self._operators).remove(waiter)
            self._dropped("queue", "cancelled")
        self._let_in()

    def _let_in(self) -> None:
        while len(self._inside) < self._max_requests and (waiter := self._next()) is not None:
            (self._loop if waiter.is_loop else self._operators).remove(waiter)
            self._inside.add(waiter)
            self._note(waiter)
            waiter.let_in.set()

    def _next(self) -> _Waiter | None:
        operator = self._next_operator()
        if self._loop and (operator is None or self._loop_in_a_row < _LOOP_IN_A_ROW):
            return self._loop[0]
        return operator

    def _next_operator(self) -> _Waiter | None:
        if sum(not waiter.is_loop for waiter in self._inside) >= operator_places(self._max_requests):
            return None
        now_s = self._now()
        return min(self._operators, key=lambda waiter: (_rank(waiter, now_s), waiter.tag), default=None)

    def _note(self, waiter: _Waiter) -> None:
        if waiter.is_loop:
            self._loop_in_a_row = self._loop_in_a_row + 1 if self._operators else 0
            return
        self._loop_in_a_row = 0
        self._served_tag = max(self._served_tag, waiter.tag)
        self._usual_wait_s += _SMOOTHING * (self._now() - waiter.since_s - self._usual_wait_s)


def operator_places(max_requests: int) -> int:
    """How many places operators may take: all but one, which is the loop's."""
    return max(1, max_requests - 1)


def _rank(waiter: _Waiter, now_s: float) -> int:
    """The priority that a waiter counts as by now; the lowest rank goes next."""
    return max(Priority.HIGH, waiter.priority - int((now_s - waiter.since_s) / _AGE_S))
