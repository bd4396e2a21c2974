"""Notices through Apprise: mail, chat and push services, each by one url that may hold a password."""

from __future__ import annotations

import asyncio
import logging
import re
from collections.abc import Mapping
from functools import cache, cached_property, partial
from importlib import import_module
from importlib.util import find_spec
from typing import Any
from urllib.parse import unquote

from foureyes.exceptions import AlertError, MissingExtraError
from foureyes.frames.own_thread import OwnThread
from foureyes.redaction import hide, redact_text

_EXTRA = "the channel '{name}' needs Apprise, which is not installed: pip install 'foureyes[alerts]'"
_PARTS = re.compile(r"[/:@?&=,#]+")
_KINDS = {"recovered": "success", "test": "info"}
_SEVERITIES = {"warning": "warning", "critical": "failure"}
_SAID_CHARS = 300


class Apprise:
    """One service. The library is large and its calls block: both have a thread of the service's own.

    The threads that all of the daemon shares are not for services that hang.
    """

    def __init__(self, name: str, url: str | None, variable: str, timeout_s: float) -> None:
        """`variable` is where the url was; none there is an error of each delivery.

        Raises MissingExtraError where Apprise is not installed.
        """
        if find_spec("apprise") is None:
            raise MissingExtraError(_EXTRA.format(name=name))
        self._url = url
        self._variable = variable
        self._timeout_s = timeout_s
        self._name = name
        hide(url or "")

    def check(self) -> str:
        """Whether the url is one that Apprise knows; nobody is asked. Raises AlertError."""
        if self._url is None:
            raise AlertError(f"there are no urls of Apprise: put one into {self._variable}")
        if self._service is None:
            raise AlertError(f"Apprise does not understand a url in {self._variable}: see its documentation")
        return f"{self._service.service_name} by Apprise"

    async def deliver(self, notice: Mapping[str, Any]) -> None:
        """Send it. Raises AlertError."""
        try:
            async with asyncio.timeout(self._timeout_s):
                await _thread(self._name).run(partial(self._send, notice))
        except TimeoutError as error:
            what = f"the service of {self._variable} by Apprise"
            raise AlertError(f"{what} did not answer within {self._timeout_s:g} s") from error

    @cached_property
    def _service(self) -> Any:
        """The service of the url, whose secrets are hidden from now on; None where Apprise knows no such one."""
        assert self._url is not None
        logging.getLogger("apprise").propagate = False  # what it says of a failure is in ours, once
        service = import_module("apprise").Apprise.instantiate(self._url, suppress_exceptions=True)
        if service is not None:
            hide(service.url())
            for secret in _secrets(service.url(), service.url(privacy=True)):
                hide(secret)
        return service

    def _send(self, notice: Mapping[str, Any]) -> None:
        what, apprise = self.check(), import_module("apprise")
        sender = apprise.Apprise(asset=apprise.AppriseAsset(app_id="FourEyes"))
        sender.add(self._service)
        kind = _KINDS.get(notice["kind"]) or _SEVERITIES[notice["severity"]]
        title, body = f"FourEyes: {notice['title']}", str(notice["text"])
        with apprise.LogCapture(level=logging.WARNING, fmt="%(message)s") as said:
            if sender.notify(body, title=title, notify_type=kind, body_format="text"):
                return
            words = redact_text(" ".join(said.getvalue().split()))[:_SAID_CHARS] or "nothing"
        raise AlertError(f"{what} did not take the notice; it said: {words}")


@cache
def _thread(name: str) -> OwnThread:
    """The thread of one channel, also after its settings have changed: names are few, reloads are not."""
    return OwnThread(f"alerts by {name}")


def _secrets(url: str, shown: str) -> list[str]:
    """The parts of a url that Apprise masks where it shows it."""
    parts = zip(_PARTS.split(url), _PARTS.split(shown), strict=False)
    return [unquote(part) for part, masked in parts if part != masked]
