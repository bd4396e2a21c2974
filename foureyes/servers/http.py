"""HTTP to one model server: bounded replies, and every failure as one of our errors."""

from __future__ import annotations

import json
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

MAX_REPLY_BYTES = 8 * 1024 * 1024
_CONNECT_TIMEOUT_S = 2.0


class ServerHttp:
    """One client for one base URL; replies are JSON objects, read up to a bound."""

    def __init__(self, name: str, url: str) -> None:
        self.name = name
        self.url = url
        self._client = httpx.AsyncClient(base_url=url, trust_env=False)

    async def call(
        self, method: str, route: str, *, body: Mapping[str, Any] | None = None, timeout_s: float = 5.0
    ) -> dict[str, Any]:
        """Send one request and return its JSON object; the timeout covers the whole exchange.

        Raises a ServerError leaf: refused, timeout, busy, model missing, bad request or reply.
        """
        timeout = httpx.Timeout(timeout_s, connect=min(timeout_s, _CONNECT_TIMEOUT_S))
        try:
            async with self._client.stream(method, route, json=body, timeout=timeout) as response:
                document = self._object(await self._bounded(response))
        except httpx.ConnectError as error:
            raise ServerRefusedError(
                f"nobody listens at {self.url} for server '{self.name}'; it is down or still starting"
            ) from error
        except httpx.TimeoutException as error:
            raise ServerTimeoutError(
                f"server '{self.name}' gave no answer to {route} within {timeout_s:g} s; "
                "it is overloaded or hangs (see its log lines)"
            ) from error
        except httpx.TransportError as error:
            raise ServerReplyError(f"server '{self.name}' broke off while answering {route}: {error}") from error
        if response.is_success and "error" not in document:
            return document
        raise self._refusal(response.status_code, document)

    async def _bounded(self, response: httpx.Response) -> bytes:
        data = bytearray()
        async for chunk in response.aiter_bytes():
            data += chunk
            if len(data) > MAX_REPLY_BYTES:
                raise ServerReplyError(f"server '{self.name}' answered more than {MAX_REPLY_BYTES:,} bytes")
        return bytes(data)

    def _object(self, data: bytes) -> dict[str, Any]:
        try:
            document = json.loads(data)
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
