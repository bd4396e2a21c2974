"""Notices through Apprise: mail, chat and push services, each by one url that may hold a password."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from importlib import import_module
from typing import Any

from foureyes.exceptions import AlertError, MissingExtraError
from foureyes.redaction import hide, redact_text

_EXTRA = "the channel '{name}' needs Apprise, which is not installed: pip install 'foureyes[alerts]'"
_PARTS = re.compile(r"[/:@?&=,#]+")
_KINDS = {"recovered": "success", "test": "info"}
_SEVERITIES = {"warning": "warning", "critical": "failure"}
_SAID_CHARS = 300


class Apprise:
    """One service. Without a url it is one that is missing, as each delivery says."""

    def __init__(self, name: str, url: str | None, variable: str, timeout_s: float) -> None:
        """Raises MissingExtraError where Apprise is not installed."""
        try:
            self._apprise = import_module("apprise")
        except ImportError as error:
            raise MissingExtraError(_EXTRA.format(name=name)) from error
        self._variable = variable
        self._timeout_s = timeout_s
        self._service: Any = None if url is None else self._made(url)
        self._has_url = url is not None
        logging.getLogger("apprise").propagate = False  # what it says of a failure is in ours, once

    def check(self) -> str:
        """Whether the url is one that Apprise knows; nobody is asked. Raises AlertError."""
        if not self._has_url:
            raise AlertError(f"there are no urls of Apprise: put one into {self._variable}")
        if self._service is None:
            raise AlertError(f"Apprise does not understand a url in {self._variable}: see its documentation")
        return f"{self._service.service_name} by Apprise"

    async def deliver(self, notice: Mapping[str, Any]) -> None:
        """Send it. Raises AlertError."""
        what = self.check()
        try:
            async with asyncio.timeout(self._timeout_s):
                await asyncio.to_thread(self._send, notice, what)
        except TimeoutError as error:
            raise AlertError(f"{what} did not answer within {self._timeout_s:g} s") from error

    def _made(self, url: str) -> Any:
        hide(url)
        service = self._apprise.Apprise.instantiate(url, suppress_exceptions=True)
        if service is not None:
            shown = set(_PARTS.split(service.url(privacy=True)))
            for part in _PARTS.split(service.url()) + _PARTS.split(url):
                if part not in shown:
                    hide(part)
        return service

    def _send(self, notice: Mapping[str, Any], what: str) -> None:
        sender = self._apprise.Apprise(asset=self._apprise.AppriseAsset(app_id="FourEyes"))
        sender.add(self._service)
        kind = _KINDS.get(notice["kind"]) or _SEVERITIES[notice["severity"]]
        title, body = f"FourEyes: {notice['title']}", str(notice["text"])
        with self._apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
            if sender.notify(body, title=title, notify_type=kind, body_format="text"):
                return
            words = redact_text(" ".join(said.getvalue().split()))[:_SAID_CHARS] or "nothing"
        raise AlertError(f"{what} did not take the notice; it said: {words}")
