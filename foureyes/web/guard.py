"""Under which names requests are answered, and the strict headers on every answer."""

from __future__ import annotations

import re
from collections.abc import Iterable

from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foureyes.web.caller import address_of
from foureyes.web.refusal import Refusals, refusal

_LOOPBACK_NAMES = ("localhost", "127.0.0.1", "::1")
_SHOWN_CHARS = 100
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


def names_pattern(others: Iterable[str]) -> re.Pattern[str]:
    """What a Host or an Origin looks like that names loopback or one of the others."""
    names = (f"[{name}]" if ":" in name else name for name in (*_LOOPBACK_NAMES, *others))
    return re.compile(rf"(?:https?://)?(?:{'|'.join(map(re.escape, names))})(?::\d{{1,5}})?", re.IGNORECASE)


class Guard:
    """Refuses a foreign Host (a name that resolves here is DNS rebinding) and a foreign Origin."""

    def __init__(self, app: ASGIApp, names: Iterable[str], refusals: Refusals) -> None:
        """`names` are answered besides loopback's."""
        self._app = app
        self._ours = names_pattern(names)
        self._refusals = refusals

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        app, foreign = self._app, self._foreign(Headers(scope=scope))
        if foreign is not None:
            shown = foreign[:_SHOWN_CHARS]
            self._refusals.say("refused", address_of(scope), f"a request for or from {shown!r} was refused")
            app = refusal(
                403, "this daemon answers under loopback's names and web.allowed_hosts only; use http://127.0.0.1"
            )
        await app(scope, receive, send_with_headers)

    def _foreign(self, headers: Headers) -> str | None:
        """The name that is not ours, where there is one."""
        names = [headers.get("host", ""), *headers.getlist("origin")]
        return next((name for name in names if self._ours.fullmatch(name) is None), None)
