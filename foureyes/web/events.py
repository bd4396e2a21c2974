"""Server-sent events: a heartbeat at once and then regularly, the live events, and an end after a while."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Container
from contextlib import suppress
from dataclasses import dataclass
from functools import lru_cache

from fastapi.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from foureyes.exceptions import TooManySubscribersError
from foureyes.outputs.live import LiveEvent, LiveEvents, Subscription
from foureyes.web.answers import json_bytes

_RETRY_MS = 2000
_HEARTBEAT = b"event: heartbeat\ndata: {}\n\n"
_SHARED = 256
_HEADERS = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}


@dataclass(frozen=True)
class Pace:
    """How often a heartbeat comes, and after how long a stream is closed: the client comes back by itself.

    A client that does not read gets `stalled_s` more, then it is cut off in the middle.
    """

    heartbeat_s: float = 15.0
    close_after_s: float = 300.0
    stalled_s: float = 5.0


class EventStream(StreamingResponse):
    """One listener's stream; beyond the bound of listeners it is a 503.

    The subscription lives exactly as long as the response; a client that stops reading is cut off too.
    """

    def __init__(self, live: LiveEvents, pace: Pace, kinds: Container[str] | None = None) -> None:
        """`kinds` of events are sent; None is all but those that must be asked for."""
        super().__init__((), media_type="text/event-stream", headers=_HEADERS)
        self._live = live
        self._pace = pace
        self._kinds = kinds

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Subscribe and send until the time is over, the client leaves or the daemon stops."""
        try:
            with self._live.subscribed(self._kinds) as subscription, suppress(TimeoutError):
                self.body_iterator = _texts(subscription, self._pace)
                async with asyncio.timeout(self._pace.close_after_s + self._pace.stalled_s):
                    await super().__call__(scope, receive, send)
        except TooManySubscribersError as error:
            refusal = JSONResponse({"error": {"message": str(error)}}, 503, {"Retry-After": "30"})
            await refusal(scope, receive, send)


async def _texts(subscription: Subscription, pace: Pace) -> AsyncIterator[bytes]:
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + pace.close_after_s
    yield b"retry: %d\n" % _RETRY_MS + _HEARTBEAT
    while not subscription.ended and (left_s := ends_s - loop.time()) > 0:
        found = await subscription.take(min(pace.heartbeat_s, left_s))
        yield b"".join(map(_sent, found)) or _HEARTBEAT
    yield b"retry: %d\nevent: closing\ndata: {}\n\n" % _RETRY_MS


@lru_cache(_SHARED)
def _sent(event: LiveEvent) -> bytes:
    """One event as it is sent, made once for all listeners."""
    return b"id: %d\nevent: %s\ndata: %s\n\n" % (event.id, event.kind.encode(), json_bytes(event.data))
