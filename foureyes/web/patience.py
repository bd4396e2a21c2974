"""The bound on waiting for a client: one that reads a byte a second would else hold its connection for ever."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from typing import Any

_LOOKS = 4
"""In the time that a client is waited for."""


class Patience:
    """Cuts off connections on which we have waited for the client alone for too long.

    `connections` are uvicorn's protocols, live.
    """

    def __init__(
        self,
        connections: Callable[[], Iterable[Any]],
        patience_s: float,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self._connections = connections
        self._patience_s = patience_s
        self._now = now
        self._since_mono_s: dict[Any, float] = {}

    async def run(self) -> None:
        """Look again and again, until cancelled."""
        while True:
            await asyncio.sleep(self._patience_s / _LOOKS)
            self.look()

    def look(self) -> None:
        """Cut off those that were waited for at every look for too long."""
        now_s, before = self._now(), self._since_mono_s
        self._since_mono_s = {each: before.get(each, now_s) for each in self._connections() if _is_awaited(each)}
        for connection, since_s in self._since_mono_s.items():
            if now_s - since_s >= self._patience_s:
                connection.transport.abort()


def _is_awaited(connection: Any) -> bool:
    """Whether it is the client's turn: to read what was sent, or to send its request or the rest of it."""
    cycle = connection.cycle
    if connection.transport.get_write_buffer_size() > 0 or cycle is None:
        return True
    return bool(cycle.response_complete or cycle.more_body)
