"""The HTTP application: /health, /ready, /metrics, /api/..., /events and the page at /."""

from __future__ import annotations

import time
from collections.abc import Sequence
from typing import Annotated, Any

from fastapi import FastAPI, Query, Request
from fastapi.exceptions import RequestValidationError
from fastapi.responses import JSONResponse, Response
from starlette.exceptions import HTTPException

from foureyes import __version__
from foureyes.telemetry.report import Report, report_to_nobody
from foureyes.web.access import Access, AccessRules
from foureyes.web.alerts import AlertsView, add_alerts
from foureyes.web.analyze import Desk, add_analyze
from foureyes.web.answers import Json
from foureyes.web.body import BodyLimit
from foureyes.web.events import EventStream, Pace
from foureyes.web.faults import FaultReporter
from foureyes.web.guard import Guard
from foureyes.web.head import HeadAsGet
from foureyes.web.metrics import Figures, add_metrics
from foureyes.web.page import add_page
from foureyes.web.pause import Pauses, add_pause
from foureyes.web.reads import Reads, add_reads
from foureyes.web.refusal import Refusals
from foureyes.web.session import Sessions, add_session
from foureyes.web.setup import Setup, add_setup
from foureyes.web.view import DaemonView


def create_app(
    view: DaemonView,
    pace: Pace | None = None,
    desk: Desk | None = None,
    report: Report = report_to_nobody,
    reads: Reads | None = None,
    figures: Figures | None = None,
    setup: Setup | None = None,
    rules: AccessRules | None = None,
    pauses: Pauses | None = None,
    alerts: AlertsView | None = None,
) -> FastAPI:
    """The application over one daemon's view, what else its page reads, and its desk for pictures of operators.

    Without `rules` nobody knows the token, so that nothing can be changed.
    """
    app = FastAPI(
        title="FourEyes",
        version=__version__,
        openapi_url="/openapi.json",
        docs_url=None,  # they would fetch scripts from elsewhere
        redoc_url=None,
        default_response_class=Json,
    )
    app.state.live = view.live  # for the server, which lets the listeners go when it stops
    _add_middleware(app, report, rules or AccessRules())
    app.add_exception_handler(HTTPException, _json_error)
    app.add_exception_handler(RequestValidationError, _json_faults)
    _add_health(app, view)
    _add_readings(app, view, pace or Pace())
    add_page(app)
    if desk is not None:
        add_analyze(app, desk, report)
    if reads is not None:
        add_reads(app, reads)
    if figures is not None:
        add_metrics(app, figures)
    if setup is not None:
        add_setup(app, setup, report)
    if pauses is not None:
        add_pause(app, pauses)
    if alerts is not None:
        add_alerts(app, alerts)
    return app


def _add_middleware(app: FastAPI, report: Report, rules: AccessRules) -> None:
    """The last one that is added is the first one to see a request."""
    sessions, refusals = Sessions(time.monotonic), Refusals(time.monotonic)
    app.add_middleware(HeadAsGet)
    app.add_middleware(BodyLimit)
    app.add_middleware(FaultReporter, report=report)
    app.add_middleware(Access, rules=rules, sessions=sessions, refusals=refusals)
    app.add_middleware(Guard, names=rules.names, refusals=refusals)
    add_session(app, sessions, refusals, rules.is_token)


def _add_health(app: FastAPI, view: DaemonView) -> None:
    @app.get("/health")
    async def health() -> Json:
        document = view.health()
        return Json(document, 503 if document["status"] == "failing" else 200)

    @app.get("/ready")
    async def ready() -> Json:
        is_ready, document = view.ready()
        return Json(document, 200 if is_ready else 503)

    @app.get("/metrics")
    async def metrics() -> Response:
        text, content_type = await view.metrics()
        return Response(text, media_type=content_type)


def _add_readings(app: FastAPI, view: DaemonView, pace: Pace) -> None:
    @app.get("/api/status")
    async def status() -> dict[str, Any]:
        return await view.status()

    @app.get("/api/readings")
    async def readings(source: str | None = None) -> list[dict[str, Any]]:
        return [each for each in view.readings() if source is None or each["source"] == source]

    @app.get("/events")
    async def events(topics: Annotated[str | None, Query(max_length=200)] = None) -> Response:
        return EventStream(view.live, pace, None if topics is None else frozenset(topics.split(",")))


async def _json_error(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, HTTPException)
    return JSONResponse({"error": {"message": error.detail}}, error.status_code, error.headers)


async def _json_faults(_request: Request, error: Exception) -> JSONResponse:
    assert isinstance(error, RequestValidationError)
    faults = [f"{_place(each['loc'])}: {each['msg']}" for each in error.errors()]
    return JSONResponse({"error": {"message": "; ".join(faults)}}, 400)


def _place(location: Sequence[str | int]) -> str:
    """Where in a part of the request a fault is; the part itself where it is of the whole."""
    return ".".join(map(str, location[1:])) or f"the {location[0]}"
