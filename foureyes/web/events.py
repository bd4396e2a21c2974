"""Server-sent events: a heartbeat at once and then regularly, the live events, and an end after a while."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import suppress
from dataclasses import dataclass

from fastapi.responses import JSONResponse, StreamingResponse
from starlette.types import Receive, Scope, Send

from foureyes.exceptions import TooManySubscribersError
from foureyes.outputs.live import LiveEvent, LiveEvents, Subscription

_RETRY_MS = 2000
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

    def __init__(self, live: LiveEvents, pace: Pace) -> None:
        super().__init__((), media_type="text/event-stream", headers=_HEADERS)
        self._live = live
        self._pace = pace

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Subscribe and send until the time is over, the client leaves or the daemon stops."""
        try:
            with self._live.subscribed() as subscription, suppress(TimeoutError):
                self.body_iterator = _texts(subscription, self._pace)
                async with asyncio.timeout(self._pace.close_after_s + self._pace.stalled_s):
                    await super().__call__(scope, receive, send)
        except TooManySubscribersError as error:
            refusal = JSONResponse({"error": {"message": str(error)}}, 503, {"Retry-After": "30"})
            await refusal(scope, receive, send)


async def _texts(subscription: Subscription, pace: Pace) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + pace.close_after_s
    yield f"retry: {_RETRY_MS}\nevent: heartbeat\ndata: {{}}\n\n"
    while not subscription.ended and (left_s := ends_s - loop.time()) > 0:
        found = await subscription.next(min(pace.heartbeat_s, left_s))
        yield _text(found) if found is not None else "event: heartbeat\ndata: {}\n\n"
    yield f"retry: {_RETRY_MS}\nevent: closing\ndata: {{}}\n\n"


def _text(event: LiveEvent) -> str:
    data = json.dumps(event.data, ensure_ascii=False, allow_nan=False)
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n"
