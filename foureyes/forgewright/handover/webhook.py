"""Cases posted to a url, with a signature; tried again where that may help."""

from __future__ import annotations

import asyncio
from pathlib import Path

from foureyes.backoff import backoff_s
from foureyes.config.triage import Webhook as WebhookSettings
from foureyes.exceptions import HandOverError, WebhookAwayError, WebhookRefusedError, WebhookSecretError
from foureyes.servers.http.signed_post import SignedPost

_LONGEST_WAIT_S = 30.0


class Webhook:
    """One url."""

    name = "webhook"

    def __init__(self, settings: WebhookSettings) -> None:
        self._settings = settings
        self._post = SignedPost(settings.url, settings.secret_env, settings.timeout_s)

    def check(self) -> str:
        """Whether there is a secret for the signature; nobody is asked. Raises HandOverError."""
        try:
            self._post.secret()
        except WebhookSecretError as error:
            raise HandOverError(str(error)) from error
        return f"signed posts to {self._post.host}"

    async def deliver(self, case_id: str, case_file: Path) -> None:
        """Post the case until it is taken, a bounded number of times. Raises HandOverError."""
        self.check()
        body = await asyncio.to_thread(case_file.read_bytes)
        attempt = 1
        while (refusal := await self._refused(case_id, body)) is not None:
            if attempt == self._settings.attempts:
                raise HandOverError(f"the webhook at {self._post.host} did not take the case: {refusal}")
            await asyncio.sleep(backoff_s(attempt, first_s=self._settings.first_wait_s, cap_s=_LONGEST_WAIT_S))
            attempt += 1

    async def _refused(self, case_id: str, body: bytes) -> str | None:
        """Post once; why to try again, or None once it is taken. Raises HandOverError where it never will be."""
        try:
            await self._post.send(case_id, body)
        except WebhookAwayError as error:
            return str(error)
        except WebhookRefusedError as error:
            raise HandOverError(f"the webhook at {self._post.host} refused the case with {error}") from error
        return None
