"""One httpx client a base URL: leased, counted, and closed when nobody has used it for a while."""

from __future__ import annotations

import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass

import httpx

CONNECT_TIMEOUT_S = 2.0


@dataclass(frozen=True)
class ClientStats:
    """How many clients are open, and how many leases are out."""

    open: int
    leases: int


class Clients:
    """The clients of all servers. One that is leased is never closed, whatever else happens."""

    def __init__(
        self,
        *,
        idle_s: float = 600.0,
        now: Callable[[], float] = time.monotonic,
        transport: httpx.AsyncBaseTransport | None = None,
    ) -> None:
        """`transport` takes the place of the network for all of them."""
        self._idle_s = idle_s
        self._now = now
        self._transport = transport
        self._shared: dict[str, _Shared] = {}
        self._is_closed = False

    @asynccontextmanager
    async def lease(self, url: str) -> AsyncIterator[httpx.AsyncClient]:
        """The client of a base URL, for one exchange."""
        if url not in self._shared:
            self._shared[url] = _Shared(_client(url, self._transport))
        shared = self._shared[url]
        shared.leases += 1
        try:
            yield shared.client
        finally:
            shared.leases -= 1
            shared.used_mono_s = self._now()
            if (self._is_closed or shared.is_dropped) and not shared.leases:
                await self._close(url, shared)

    async def close_idle(self) -> int:
        """Close those that nobody has used for the idle time; return how many. To be called now and then."""
        since_s = self._now() - self._idle_s
        idle = [
            (url, each) for url, each in self._shared.items() if not each.leases and each.used_mono_s <= since_s
        ]
        for url, shared in idle:
            await self._close(url, shared)
        return len(idle)

    async def drop(self, url: str) -> None:
        """Close the client of a URL as soon as nobody uses it: its server is gone. A lease opens another."""
        shared = self._shared.pop(url, None)
        if shared is None:
            return
        shared.is_dropped = True
        if not shared.leases:
            await shared.client.aclose()

    async def aclose(self) -> None:
        """Close them all; one that is in use when its lease ends."""
        self._is_closed = True
        for url, shared in list(self._shared.items()):
            if not shared.leases:
                await self._close(url, shared)

    def stats(self) -> ClientStats:
        """What is open now."""
        return ClientStats(len(self._shared), sum(each.leases for each in self._shared.values()))

    async def _close(self, url: str, shared: _Shared) -> None:
        if self._shared.get(url) is shared:  # out of sight before the wait: nobody leases what is being closed
            del self._shared[url]
        await shared.client.aclose()


@dataclass(eq=False)
class _Shared:
    client: httpx.AsyncClient
    leases: int = 0
    used_mono_s: float = 0.0
    is_dropped: bool = False


def _client(url: str, transport: httpx.AsyncBaseTransport | None) -> httpx.AsyncClient:
    # nothing on loopback is worth packing, and a small packed reply could unpack to a huge one
    plain = {"Accept-Encoding": "identity"}
    timeout = httpx.Timeout(None, connect=CONNECT_TIMEOUT_S)
    verify = url.startswith("https:")  # to read all certificates takes 20 ms of the loop's time; http has none
    return httpx.AsyncClient(
        base_url=url, headers=plain, timeout=timeout, trust_env=False, verify=verify, transport=transport
    )
