"""HEAD, as watchdogs of a network ask: what GET would say, without its body."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

_ENDLESS = "/events"


class HeadAsGet:
    """Middleware behind `Access`; the server leaves the body out, and a stream of events would never end."""

    def __init__(self, app: ASGIApp) -> None:
        self._app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Pass the request on, as GET where it is HEAD."""
        is_head = scope["type"] == "http" and scope["method"] == "HEAD" and scope["path"] != _ENDLESS
        await self._app({**scope, "method": "GET"} if is_head else scope, receive, send)
