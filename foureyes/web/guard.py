"""Who may ask: requests under loopback names alone, and strict headers on every answer."""

from __future__ import annotations

import re

from fastapi.responses import JSONResponse
from starlette.datastructures import Headers, MutableHeaders
from starlette.types import ASGIApp, Message, Receive, Scope, Send

from foureyes.telemetry.log import event

_LOOPBACK = re.compile(r"(?:https?://)?(?:localhost|127\.0\.0\.1|\[::1\])(?::\d{1,5})?", re.IGNORECASE)
_SHOWN_CHARS = 100
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}


class Guard:
    """Refuses a foreign Host (a name that resolves here is DNS rebinding) and a foreign Origin."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, or answer 403."""

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(raw=message["headers"])
                for name, value in _HEADERS.items():
                    headers.setdefault(name, value)
            await send(message)

        foreign = _foreign(Headers(scope=scope))
        await (_refusal(foreign) if foreign is not None else self._app)(scope, receive, send_with_headers)


def _foreign(headers: Headers) -> str | None:
    """The name that is not loopback's, where there is one."""
    names = [headers.get("host", ""), *headers.getlist("origin")]
    return next((name for name in names if not _LOOPBACK.fullmatch(name)), None)


def _refusal(name: str) -> JSONResponse:
    event("security.refused", f"a request for or from {name[:_SHOWN_CHARS]!r} was refused", level="warning")
    message = "this daemon answers on loopback only; use http://127.0.0.1"
    return JSONResponse({"error": {"message": message}}, 403)
