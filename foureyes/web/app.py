"""The HTTP application: /health, /ready, /metrics, /api/status, /api/readings, /events and the page at /."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from pathlib import Path
from typing import Any

from fastapi import FastAPI, Request
from fastapi.responses import HTMLResponse, JSONResponse, Response, StreamingResponse
from starlette.exceptions import HTTPException

from foureyes import __version__
from foureyes.outputs.live import TooManySubscribersError
from foureyes.telemetry.log import event
from foureyes.web.events import Pace, event_stream
from foureyes.web.view import DaemonView

_STATIC = Path(__file__).parent / "static"
_LOOPBACK = {"127.0.0.1", "localhost", "::1"}
_HEADERS = {
    "Content-Security-Policy": "default-src 'none'; script-src 'self'; style-src 'self'; connect-src 'self'; "
    "img-src 'self' data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
    "X-Content-Type-Options": "nosniff",
    "Referrer-Policy": "no-referrer",
    "Cross-Origin-Resource-Policy": "same-origin",
}
_EVENT_HEADERS = {
    "Cache-Control": "no-store, no-transform",
    "X-Accel-Buffering": "no",
    "Content-Encoding": "identity",
}
_TYPES = {"page.css": "text/css", "page.js": "text/javascript"}


def create_app(view: DaemonView, pace: Pace | None = None) -> FastAPI:
    """The application over one daemon's view."""
    app = FastAPI(title="FourEyes", version=__version__, docs_url=None, redoc_url=None)
    app.middleware("http")(_guarded)
    app.add_exception_handler(HTTPException, _json_error)
    _add_health(app, view)
    _add_readings(app, view, pace or Pace())
    _add_page(app)
    return app


def _add_health(app: FastAPI, view: DaemonView) -> None:
    @app.get("/health")
    async def health() -> JSONResponse:
        document = view.health()
        return JSONResponse(document, 503 if document["status"] == "failing" else 200)

    @app.get("/ready")
    async def ready() -> JSONResponse:
        is_ready, document = view.ready()
        return JSONResponse(document, 200 if is_ready else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        text, content_type = view.metrics()
        return Response(text, media_type=content_type)


def _add_readings(app: FastAPI, view: DaemonView, pace: Pace) -> None:
    @app.get("/api/status")
    async def status() -> dict[str, Any]:
        return view.status()

    @app.get("/api/readings")
    async def readings() -> list[dict[str, Any]]:
        return view.readings()

    @app.get("/events")
    async def events() -> Response:
        try:
            stream = event_stream(view.live, pace)
        except TooManySubscribersError as error:
            return JSONResponse({"error": {"message": str(error)}}, 503, {"Retry-After": "30"})
        return StreamingResponse(stream, media_type="text/event-stream", headers=_EVENT_HEADERS)


def _add_page(app: FastAPI) -> None:
    @app.get("/", response_class=HTMLResponse)
    async def page() -> str:
        return (_STATIC / "page.html").read_text("utf-8")

    @app.get("/static/{name}")
    async def static(name: str) -> Response:
        if name not in _TYPES:
            raise HTTPException(404, f"there is no {name}")
        return Response((_STATIC / name).read_bytes(), media_type=_TYPES[name])


async def _guarded(request: Request, call_next: Callable[[Request], Awaitable[Response]]) -> Response:
    """Loopback names only (a foreign one that resolves here is DNS rebinding), and strict headers."""
    if request.url.hostname not in _LOOPBACK:
        event("security.refused", f"a request for host {request.url.hostname!r} was refused", level="warning")
        message = "this daemon answers on loopback only; use http://127.0.0.1"
        response: Response = JSONResponse({"error": {"message": message}}, 403)
    else:
        response = await call_next(request)
    for name, value in _HEADERS.items():
        response.headers.setdefault(name, value)
    return response


async def _json_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": {"message": error.detail}}, error.status_code, error.headers)
