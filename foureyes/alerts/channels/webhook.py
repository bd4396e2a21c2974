"""Notices posted to a url, with a signature."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from foureyes.config.alerts import WebhookChannel
from foureyes.exceptions import AlertError, WebhookError
from foureyes.servers.http.signed_post import SignedPost


class Webhook:
    """One url; the id of a post is the notice's, so that a receiver knows one that comes twice."""

    def __init__(self, settings: WebhookChannel) -> None:
        self._post = SignedPost(settings.url, settings.secret_env, settings.timeout_s)

    def check(self) -> str:
        """Whether there is a secret for the signature; nobody is asked. Raises AlertError."""
        try:
            self._post.secret()
        except WebhookError as error:
            raise AlertError(str(error)) from error
        return f"signed posts to {self._post.host}"

    async def deliver(self, notice: Mapping[str, Any]) -> None:
        """Post it. Raises AlertError."""
        body = json.dumps(notice, ensure_ascii=False, allow_nan=False).encode()
        try:
            await self._post.send(str(notice["id"]), body)
        except WebhookError as error:
            raise AlertError(f"the webhook at {self._post.host} did not take the notice: {error}") from error
