"""The boundary in a reproduction: recorded answers instead of the network, and stand-ins for what was not kept."""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any, NoReturn

import httpx
from cachetools import LRUCache, TTLCache

from foureyes.servers.http.clients import Clients
from foureyes.servers.http.recorded import RecordedExchange
from foureyes.telemetry.metrics import Metrics

_CACHED, _CACHED_S = 100, 60.0
_LATER_S = 5.0
"""A server that gave no answer within 30 s answers after 35 s here, as in the design document."""


touched: list[str] = []
"""What of that the call would have needed."""


class NotKeptError(Exception):
    """The call needs something that could not be kept with the fault."""


def _lack(what: str) -> NoReturn:
    touched.append(what)
    raise NotKeptError(what)


class StandIn:
    """Stands where something was that could not be kept: to use it says so."""

    def __init__(self, what: str) -> None:
        object.__setattr__(self, "_what", what)

    def __getattr__(self, _name: str) -> NoReturn:
        _lack(f"it needs what was not kept: {object.__getattribute__(self, '_what')}")

    def _refuse(self, *_args: object) -> NoReturn:
        _lack(f"it needs what was not kept: {object.__getattribute__(self, '_what')}")

    __call__ = __iter__ = __len__ = __bool__ = __getitem__ = __contains__ = __enter__ = __aenter__ = _refuse
    __await__ = __str__ = __int__ = __float__ = __index__ = __eq__ = __hash__ = __lt__ = __add__ = _refuse
    __setitem__ = __delitem__ = _refuse


class RecordedObs:
    """Answers each request to OBS as the last one of its kind was answered."""

    def __init__(self, answered: Mapping[str, Any]) -> None:
        self._answered = answered

    def ask(self, request: str, **_data: object) -> Any:
        """The recorded answer."""
        if request not in self._answered:
            _lack(f"it asks OBS for {request}, and what that said was not kept")
        return self._answered[request]

    def close(self) -> None:
        """Nothing is open."""


class Silent:
    """Stands where faults, figures and readings went: it takes everything and does nothing."""

    def __getattr__(self, _name: str) -> Callable[..., None]:
        return self._nothing

    def __call__(self, *_args: object, **_named: object) -> None:
        """Nothing."""

    def _nothing(self, *_args: object, **_named: object) -> None:
        """Nothing."""


class RecordedTransport(httpx.AsyncBaseTransport):
    """Answers every request as the recorded one was answered."""

    def __init__(self, exchange: RecordedExchange | None) -> None:
        self._exchange = exchange

    async def handle_async_request(self, request: httpx.Request) -> httpx.Response:
        """Wait as long as it took, then answer or fail likewise."""
        exchange = self._exchange
        if exchange is None:
            _lack("it asks a server, and what that said was not kept")
        if exchange.failure == "ConnectError":
            raise httpx.ConnectError("nobody listens", request=request)
        if exchange.failure == "CancelledError" or "Timeout" in exchange.failure:
            await asyncio.sleep(exchange.seconds + _LATER_S)
            return httpx.Response(200, stream=_Body(b"{}"))
        await asyncio.sleep(exchange.seconds)
        if exchange.status is None or exchange.failure:
            kind = getattr(httpx, exchange.failure, httpx.ReadError)
            raise kind("the connection broke", request=request)
        headers = {name: value for name, value in (exchange.headers or {}).items() if name.lower() not in _FRAMING}
        return httpx.Response(exchange.status, headers=headers, stream=_Body(bytes(exchange.data)))


class _Body(httpx.AsyncByteStream):
    def __init__(self, data: bytes) -> None:
        self._data = data

    async def __aiter__(self) -> Any:
        yield self._data


_FRAMING = {"content-length", "transfer-encoding", "content-encoding"}


def boundary(of: str, exchange: Callable[[], RecordedExchange | None], answered: Any = None) -> Any:
    """What stands in for an object of the boundary, by its class; `answered` is what it was told last."""
    if isinstance(answered, Mapping):
        return RecordedObs(answered)
    if of == "foureyes.servers.http.clients:Clients":
        return Clients(transport=RecordedTransport(exchange()))
    if of in _SILENT:
        return Silent()
    make = _FRESH.get(of)
    return StandIn(of) if make is None else make()


_SILENT = {
    "foureyes.errors.recorder:FaultRecorder",
    "foureyes.daemon.publisher:Publisher",
    "foureyes.outputs.live:LiveEvents",
}
_FRESH: Mapping[str, Callable[[], Any]] = {
    "foureyes.telemetry.metrics:Metrics": Metrics,
    "asyncio.locks:Lock": asyncio.Lock,
    "asyncio.locks:Event": asyncio.Event,
    "asyncio.locks:Condition": asyncio.Condition,
    "asyncio.queues:Queue": asyncio.Queue,
    "threading:Event": threading.Event,
    "threading:Condition": threading.Condition,
    "_thread:lock": threading.Lock,
    "_thread:RLock": threading.RLock,
    "_thread:_local": threading.local,
    "queue:Queue": queue.Queue,
    # a cache may be empty at any time
    "cachetools:TTLCache": lambda: TTLCache(_CACHED, _CACHED_S),
    "cachetools:LRUCache": lambda: LRUCache(_CACHED),
}
