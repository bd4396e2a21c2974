"""Server-sent events: a heartbeat at once and then regularly, the live events, and an end after a while."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import ExitStack
from dataclasses import dataclass

from foureyes.outputs.live import LiveEvent, LiveEvents, Subscription

_RETRY_MS = 2000


@dataclass(frozen=True)
class Pace:
    """How often a heartbeat comes, and after how long a stream is closed: the client comes back by itself."""

    heartbeat_s: float = 15.0
    close_after_s: float = 300.0


def event_stream(live: LiveEvents, pace: Pace) -> AsyncIterator[str]:
    """Subscribe at once; return the text of one stream. Raises TooManySubscribersError."""
    stack = ExitStack()
    subscription = stack.enter_context(live.subscribed())
    return _stream(subscription, stack, pace)


async def _stream(subscription: Subscription, stack: ExitStack, pace: Pace) -> AsyncIterator[str]:
    loop = asyncio.get_running_loop()
    ends_s = loop.time() + pace.close_after_s
    with stack:
        yield f"retry: {_RETRY_MS}\nevent: heartbeat\ndata: {{}}\n\n"
        while (left_s := ends_s - loop.time()) > 0:
            found = await subscription.next(min(pace.heartbeat_s, left_s))
            yield _text(found) if found is not None else "event: heartbeat\ndata: {}\n\n"
        yield f"retry: {_RETRY_MS}\nevent: closing\ndata: {{}}\n\n"


def _text(event: LiveEvent) -> str:
    data = json.dumps(event.data, ensure_ascii=False, allow_nan=False)
    return f"id: {event.id}\nevent: {event.kind}\ndata: {data}\n\n"
