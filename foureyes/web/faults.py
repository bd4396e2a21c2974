"""The middleware that reports what a route did not catch; the client gets its 500 as before."""

from __future__ import annotations

from starlette.types import ASGIApp, Receive, Scope, Send

from foureyes.telemetry.report import Report


class FaultReporter:
    """An ASGI application around another one. A client that leaves is no fault: cancellation passes."""

    def __init__(self, app: ASGIApp, report: Report) -> None:
        self._app = app
        self._report = report

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Serve one connection."""
        try:
            await self._app(scope, receive, send)
        except Exception as error:
            self._report(error, "web", method=scope.get("method"), route=scope.get("path"))
            raise
