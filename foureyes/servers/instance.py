"""One run of a model server: its adapter, its process, the requests in flight, and what it has answered."""

from __future__ import annotations

import asyncio
import math
from collections import deque
from collections.abc import Callable
from dataclasses import dataclass
from typing import Protocol

from foureyes.exceptions import ServerRefusedError
from foureyes.servers.chat.probe import probe
from foureyes.servers.server import ChatReply, ChatRequest, ModelServer

_KEPT = 50
_LEARNED_FROM = 3
_LEAST_BUDGET_S = 2.0
_LEAST_PROBE_S = 30.0
_BUDGET_FACTOR = 4.0
"""A request may take four times the slowest of the last answers before anybody wonders."""


class OwnedProcess(Protocol):
    """The process behind a server that we brought up."""

    pid: int

    async def wait(self) -> None:
        """Return when it has ended."""
        ...

    def exit_text(self) -> str:
        """How it ended, for people."""
        ...

    async def stop(self) -> None:
        """Undo the start, whatever state it is in; may be called twice."""
        ...


@dataclass(frozen=True, eq=False)
class Flight:
    """A request under way."""

    model_id: str
    began_mono_s: float
    budget_s: float
    """How long such a request may take before it is looked into."""


class Instance:
    """Counts and times what goes through it. Once put down, it ends every request under way."""

    def __init__(self, server: ModelServer, process: OwnedProcess | None, now: Callable[[], float]) -> None:
        self.server = server
        self.process = process
        self.images = 0
        """Pictures sent since the models were last loaded."""
        self.answered: dict[str, float] = {}
        """When each model last gave a real answer or answered its probe."""
        self._now = now
        self._first_probe_s: dict[str, float] = {}
        self._latencies: dict[str, deque[float]] = {}
        self._flights: dict[Flight, asyncio.Task[ChatReply]] = {}
        self._is_down = False

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Ask. Raises a ServerError leaf; ServerRefusedError where the server is put down meanwhile."""
        flight = Flight(request.model_id, self._now(), self._budget_s(request))
        asking = asyncio.create_task(
            self.server.chat(request), name=f"{self.server.id} answers {request.request_id}"
        )
        self._flights[flight] = asking
        try:
            reply = await asking
        except asyncio.CancelledError:
            asking.cancel()
            if self._is_down and not _is_cancelled():
                raise ServerRefusedError(f"server '{self.server.id}' was taken down while it was asked") from None
            raise
        finally:
            del self._flights[flight]
        self._note(request, self._now() - flight.began_mono_s)
        return reply

    async def probe(self, model_id: str, timeout_s: float | None = None) -> float:
        """Ask a model about a dummy picture; return the latency in ms. Raises a ServerError leaf.

        Without a timeout it may take several times what its first probe took.
        """
        budget_s = max(_LEAST_PROBE_S, _BUDGET_FACTOR * self._first_probe_s.get(model_id, 0.0))
        latency_ms = await probe(self.server, model_id, timeout_s=timeout_s or budget_s)
        self._first_probe_s.setdefault(model_id, latency_ms / 1000)
        self.answered[model_id] = self._now()
        return latency_ms

    def _note(self, request: ChatRequest, latency_s: float) -> None:
        self.answered[request.model_id] = self._now()
        self.images += len(request.pictures)
        self._latencies.setdefault(request.model_id, deque(maxlen=_KEPT)).append(latency_s)

    def _budget_s(self, request: ChatRequest) -> float:
        known = self._latencies.get(request.model_id, ())
        if len(known) < _LEARNED_FROM:
            return request.timeout_s
        return min(request.timeout_s, max(_LEAST_BUDGET_S, _BUDGET_FACTOR * max(known)))

    @property
    def in_flight(self) -> int:
        """How many requests are under way."""
        return len(self._flights)

    async def drained(self, within_s: float) -> None:
        """Return once no request is under way, or when the time is over."""
        if self._flights:
            await asyncio.wait(set(self._flights.values()), timeout=within_s)

    def overdue(self) -> Flight | None:
        """The request that is over its budget, the oldest of them."""
        late = [flight for flight in self._flights if self._now() - flight.began_mono_s >= flight.budget_s]
        return min(late, key=lambda flight: flight.began_mono_s, default=None)

    def until_overdue_s(self) -> float:
        """Seconds until a request under way is over its budget; infinite where there is none."""
        ends = (flight.began_mono_s + flight.budget_s for flight in self._flights)
        return min(ends, default=math.inf) - self._now()

    def silent(self, for_s: float) -> list[str]:
        """The models from which no real answer came for a while."""
        return [model_id for model_id, at_s in self.answered.items() if self._now() - at_s >= for_s]

    def exit_text(self) -> str:
        """How its process ended."""
        return self.process.exit_text() if self.process else "not ours"

    async def put_down(self) -> None:
        """End the requests, the connections and the process; where this is cancelled, call it again."""
        self._is_down = True
        for asking in self._flights.values():
            asking.cancel()
        await self.server.aclose()
        if self.process is not None:
            await self.process.stop()


def _is_cancelled() -> bool:
    """Whether it is the caller who was told to stop."""
    task = asyncio.current_task()
    return task is not None and task.cancelling() > 0
