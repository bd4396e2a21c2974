"""HTTP to one model server: bounded replies, and every failure as one of our errors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any
from urllib.parse import urlsplit, urlunsplit

import httpx

from foureyes.exceptions import ServerRefusedError, ServerReplyError, ServerTimeoutError
from foureyes.servers.http import strict_json
from foureyes.servers.http.bearer_token import BearerToken
from foureyes.servers.http.clients import Clients
from foureyes.servers.http.recorded import blamed, recorded
from foureyes.servers.http.refusals import Exchange, refusal

MAX_REPLY_BYTES = 8 * 1024 * 1024
_NO_TOKEN = BearerToken()


class ServerHttp:
    """Requests to one base URL; replies are read up to a bound, and judged by their bodies."""

    def __init__(self, name: str, url: str, clients: Clients, token: BearerToken = _NO_TOKEN) -> None:
        self.name = name
        self.url = url
        self._addresses = _addresses(url)
        self._clients = clients
        self._token = token

    async def call(
        self, method: str, route: str, *, body: Mapping[str, Any] | None = None, timeout_s: float = 5.0
    ) -> dict[str, Any]:
        """Send one request and return its JSON object. Raises the ServerError leaf that fits."""
        exchange = await self.accepted(method, route, body=body, timeout_s=timeout_s)
        with blamed():
            return self._object(exchange.data)

    async def accepted(
        self, method: str, route: str, *, body: Mapping[str, Any] | None = None, timeout_s: float = 5.0
    ) -> Exchange:
        """Send one request and return its reply, whatever is in it unless it is a refusal, which is raised."""
        exchange = await self.exchange(method, route, body=body, timeout_s=timeout_s)
        with blamed():
            if (refused := refusal(exchange, self.name, self._token.advice)) is not None:
                raise refused
        return exchange

    async def exchange(
        self, method: str, route: str, *, body: Mapping[str, Any] | None = None, timeout_s: float = 5.0
    ) -> Exchange:
        """Send one request and return its reply, refusal or not; the timeout covers the whole exchange.

        Raises ServerRefusedError, ServerTimeoutError or ServerReplyError where there is none.
        """
        with blamed():
            try:
                async with asyncio.timeout(timeout_s):  # httpx's own is for one read: what drips would never end
                    return await self._sent(method, route, body)
            except httpx.ConnectError as error:
                raise ServerRefusedError(
                    f"nobody listens at {self.url} for server '{self.name}'; it is down or still starting"
                ) from error
            except (TimeoutError, httpx.TimeoutException) as error:
                raise ServerTimeoutError(
                    f"server '{self.name}' gave no answer to {route} within {round(timeout_s, 1):g} s; "
                    "it is overloaded or hangs (see its log lines)"
                ) from error
            except httpx.TransportError as error:
                text = f"server '{self.name}' broke off while answering {route}: {error}"
                raise ServerReplyError(text) from error

    async def _sent(self, method: str, route: str, body: Mapping[str, Any] | None) -> Exchange:
        """Send it to the first address where somebody listens, and to that one first from now on."""
        *others, last = self._addresses
        for address in others:
            try:
                return await self._sent_to(address, method, route, body)
            except httpx.ConnectError:
                self._addresses = (*self._addresses[1:], address)
        return await self._sent_to(last, method, route, body)

    async def _sent_to(self, address: str, method: str, route: str, body: Mapping[str, Any] | None) -> Exchange:
        headers = self._token.headers
        with recorded(method, route, body) as asked:
            async with (
                self._clients.lease(address) as client,
                client.stream(method, route, json=body, headers=headers) as response,
            ):
                asked.answered(response.status_code, response.headers)
                data = await self._bounded(response)
            asked.answered(response.status_code, response.headers, data)
        return Exchange(f"{method} {route}", response.status_code, response.headers, data)

    async def _bounded(self, response: httpx.Response) -> bytes:
        data = bytearray()
        async for chunk in response.aiter_raw():
            data += chunk
            if len(data) > MAX_REPLY_BYTES:
                raise ServerReplyError(f"server '{self.name}' answered more than {MAX_REPLY_BYTES:,} bytes")
        return bytes(data)

    def _object(self, data: bytes) -> dict[str, Any]:
        try:
            document = strict_json.parsed(data)
        except ValueError as error:
            raise ServerReplyError(f"server '{self.name}' answered no JSON: {data[:80]!r}") from error
        if not isinstance(document, dict):
            raise ServerReplyError(f"server '{self.name}' answered JSON that is no object: {data[:80]!r}")
        return document

    async def aclose(self) -> None:
        """Let go of the connections."""
        for address in self._addresses:
            await self._clients.drop(address)


def _addresses(url: str) -> tuple[str, ...]:
    """Where to knock. `localhost` is both loopback addresses, whichever of them the name means here."""
    parts = urlsplit(url)
    if parts.scheme != "http" or parts.hostname != "localhost":
        return (url,)
    port = f":{parts.port}" if parts.port else ""
    return tuple(urlunsplit(parts._replace(netloc=f"{host}{port}")) for host in ("127.0.0.1", "[::1]"))
