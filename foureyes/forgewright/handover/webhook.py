"""Cases posted to a url, signed by the rules of https://www.standardwebhooks.com.

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
from pathlib import Path
from urllib.parse import urlsplit

import httpx

from foureyes.backoff import backoff_s
from foureyes.config.triage import Webhook as WebhookSettings
from foureyes.exceptions import HandOverError
from foureyes.redaction import hide

_TRY_AGAIN = {408, 425, 429, *range(500, 600)}
_LONGEST_WAIT_S = 30.0
_BASE64_MARK = "whsec_"


class Webhook:
    """One url."""

    name = "webhook"

    def __init__(self, settings: WebhookSettings, utc_s: Callable[[], float] = time.time) -> None:
        self._settings = settings
        self._utc_s = utc_s
        self._host = urlsplit(settings.url).netloc
        """All that is ever said of the url: its path may be a secret."""

    def check(self) -> str:
        """Whether there is a secret for the signature; nobody is asked. Raises HandOverError."""
        secret_from(self._settings.secret_env)
        return f"signed posts to {self._host}"

    async def deliver(self, case_id: str, case_file: Path) -> None:
        """Post the case until it is taken, a bounded number of times. Raises HandOverError."""
        secret = secret_from(self._settings.secret_env)
        body = await asyncio.to_thread(case_file.read_bytes)
        settings = httpx.Timeout(self._settings.timeout_s)
        async with httpx.AsyncClient(timeout=settings, follow_redirects=False, trust_env=False) as client:
            for attempt in range(1, self._settings.attempts + 1):
                refusal = await self._posted(client, case_id, body, secret)
                if refusal is None:
                    return
                if attempt < self._settings.attempts:
                    wait_s = backoff_s(attempt, first_s=self._settings.first_wait_s, cap_s=_LONGEST_WAIT_S)
                    await asyncio.sleep(wait_s)
        raise HandOverError(f"the webhook at {self._host} did not take the case: {refusal}")

    async def _posted(self, client: httpx.AsyncClient, case_id: str, body: bytes, secret: bytes) -> str | None:
        """Post once; why to try again, or None once it is taken. Raises HandOverError where it never will be."""
        headers = {"content-type": "application/json", **signed(case_id, int(self._utc_s()), body, secret)}
        try:
            async with (
                asyncio.timeout(self._settings.timeout_s),
                client.stream("POST", self._settings.url, content=body, headers=headers) as response,
            ):  # what it answers besides its status is not read
                status = response.status_code
        except (httpx.HTTPError, TimeoutError) as error:
            return str(error) or f"{type(error).__name__} within {self._settings.timeout_s:g} s"
        if 200 <= status < 300:
            return None
        if status in _TRY_AGAIN:
            return f"status {status}"
        raise HandOverError(f"the webhook at {self._host} refused the case with status {status}; correct its url")


def signed(case_id: str, at_s: int, body: bytes, secret: bytes) -> dict[str, str]:
    """The headers that say which case this is, when it was sent, and that we sent it."""
    content = f"{case_id}.{at_s}.".encode() + body
    digest = base64.b64encode(hmac.new(secret, content, hashlib.sha256).digest()).decode()
    return {"webhook-id": case_id, "webhook-timestamp": str(at_s), "webhook-signature": f"v1,{digest}"}


def secret_from(variable: str) -> bytes:
    """The secret, read anew: as it is, or in base64 behind `whsec_`. Raises HandOverError where there is none."""
    text = os.environ.get(variable, "").strip()
    hide(text)
    if not text:
        raise HandOverError(f"the webhook needs a secret for its signature: put one into {variable}")
    if not text.startswith(_BASE64_MARK):
        return text.encode()
    try:
        return base64.b64decode(text.removeprefix(_BASE64_MARK), validate=True)
    except binascii.Error:
        raise HandOverError(f"what stands behind {_BASE64_MARK} in {variable} is no base64: correct it") from None
