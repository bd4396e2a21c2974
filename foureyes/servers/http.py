"""HTTP to one model server: bounded replies, and every failure as one of our errors."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from typing import Any

import httpx

from foureyes.exceptions import (
    BadRequestError,
    ModelMissingError,
    ServerBusyError,
    ServerError,
    ServerRefusedError,
    ServerReplyError,
    ServerTimeoutError,
)
from foureyes.servers import strict_json

MAX_REPLY_BYTES = 8 * 1024 * 1024
_CONNECT_TIMEOUT_S = 2.0


class ServerHttp:
    """One client for one base URL; replies are JSON objects, read up to a bound."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        # nothing on loopback is worth packing, and a small packed reply could unpack to a huge one
        plain = {"Accept-Encoding": "identity"}
        timeout = httpx.Timeout(None, connect=_CONNECT_TIMEOUT_S)
        self._client = httpx.AsyncClient(base_url=url, headers=plain, timeout=timeout, trust_env=False)

    async def call(
        self, method: str, route: str, *, body: Mapping[str, Any] | None = None, timeout_s: float = 5.0
    ) -> dict[str, Any]:
        """Send one request and return its JSON object; the timeout covers the whole exchange.

        Raises a ServerError leaf: refused, timeout, busy, model missing, bad request or reply.
        """
        try:
            async with (
                asyncio.timeout(timeout_s),  # httpx's own is for one read: bytes that drip would never end
                self._client.stream(method, route, json=body) as response,
            ):
                data = await self._bounded(response)
        except httpx.ConnectError as error:
            raise ServerRefusedError(
                f"nobody listens at {self.url} for server '{self.name}'; it is down or still starting"
            ) from error
        except (TimeoutError, httpx.TimeoutException) as error:
            raise ServerTimeoutError(
                f"server '{self.name}' gave no answer to {route} within {timeout_s:g} s; "
                "it is overloaded or hangs (see its log lines)"
            ) from error
        except httpx.TransportError as error:
            raise ServerReplyError(f"server '{self.name}' broke off while answering {route}: {error}") from error
        if not response.is_success:
            raise self._refusal(response.status_code, _if_object(data))
        document = self._object(data)
        if "error" in document:
            raise self._refusal(response.status_code, document)
        return document

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

    def _refusal(self, status: int, document: Mapping[str, Any]) -> ServerError:
        error = document.get("error")
        message = error.get("message") if isinstance(error, Mapping) else error
        said = f"server '{self.name}' refused ({status}): {message or 'no reason given'}"
        if status == httpx.codes.NOT_FOUND:
            return ModelMissingError(said)
        if status in {httpx.codes.REQUEST_TIMEOUT, httpx.codes.TOO_MANY_REQUESTS} or status >= 500:
            return ServerBusyError(said)
        return BadRequestError(said)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._client.aclose()


def _if_object(data: bytes) -> Mapping[str, Any]:
    """What a refusal says, where it says it in JSON: its status counts, whatever the body is."""
    try:
        document = strict_json.parsed(data)
    except ValueError:
        return {}
    return document if isinstance(document, dict) else {}
