"""Posts to a url, signed by the rules of https://www.standardwebhooks.com.

The signature covers id, time and body: neither a changed body nor an old request that is sent again passes.
"""

from __future__ import annotations

import asyncio
import base64
import binascii
import hashlib
import hmac
import os
import time
from collections.abc import Callable
from urllib.parse import urlsplit

import httpx

from foureyes.exceptions import WebhookAwayError, WebhookRefusedError, WebhookSecretError
from foureyes.redaction import hide

_TRY_AGAIN = {408, 425, 429, *range(500, 600)}
_BASE64_MARK = "whsec_"


class SignedPost:
    """One url, and the environment variable that holds the secret of the signature."""

    def __init__(
        self, url: str, secret_env: str, timeout_s: float, utc_s: Callable[[], float] = time.time
    ) -> None:
        self.host = urlsplit(url).netloc
        """All that is ever said of the url: its path may be a secret."""
        self._url = url
        self._secret_env = secret_env
        self._timeout_s = timeout_s
        self._utc_s = utc_s

    def secret(self) -> bytes:
        """The secret, read anew. Raises WebhookSecretError where there is none."""
        return secret_from(self._secret_env)

    async def send(self, message_id: str, body: bytes) -> None:
        """Post JSON once; nothing is followed elsewhere.

        Raises WebhookSecretError, WebhookAwayError where another attempt may succeed, else WebhookRefusedError.
        """
        headers = {
            "content-type": "application/json",
            **signed(message_id, int(self._utc_s()), body, self.secret()),
        }
        status = await self._status(body, headers)
        if status in _TRY_AGAIN:
            raise WebhookAwayError(f"status {status}")
        if not 200 <= status < 300:
            raise WebhookRefusedError(f"status {status}; correct its url")

    async def _status(self, body: bytes, headers: dict[str, str]) -> int:
        """What it answers besides its status is not read."""
        within = httpx.Timeout(self._timeout_s)
        try:
            async with (
                asyncio.timeout(self._timeout_s),
                httpx.AsyncClient(timeout=within, follow_redirects=False, trust_env=False) as client,
                client.stream("POST", self._url, content=body, headers=headers) as response,
            ):
                return response.status_code
        except (httpx.HTTPError, TimeoutError) as error:
            text = str(error) or f"{type(error).__name__} within {self._timeout_s:g} s"
            raise WebhookAwayError(text) from error


def signed(message_id: str, at_s: int, body: bytes, secret: bytes) -> dict[str, str]:
    """The headers that say which message this is, when it was sent, and that we sent it."""
    content = f"{message_id}.{at_s}.".encode() + body
    digest = base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
    return {"webhook-id": message_id, "webhook-timestamp": str(at_s), "webhook-signature": f"v1,{digest}"}


def secret_from(variable: str) -> bytes:
    """The secret as it is, or in base64 behind `whsec_`. Raises WebhookSecretError where there is none."""
    text = os.environ.get(variable, "").strip()
    hide(text)
    if not text:
        raise WebhookSecretError(f"the webhook needs a secret for its signature: put one into {variable}")
    if not text.startswith(_BASE64_MARK):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(_BASE64_MARK), validate=True)
    except binascii.Error:
        raise WebhookSecretError(
            f"what stands behind {_BASE64_MARK} in {variable} is no base64: correct it"
        ) from None
