"""A route that raises: the client gets its 500, and the fault is reported."""

from __future__ import annotations

from typing import Any

import httpx
from fastapi import FastAPI

from foureyes.web.faults import FaultReporter


async def test_a_route_that_raises_is_reported_and_answered() -> None:
    """The fault is reported with its route; a route that answers reports nothing."""
    reports: list[tuple[str, str, dict[str, Any]]] = []

    def report(error: BaseException, /, component: str, **context: Any) -> None:
        reports.append((type(error).__name__, component, context))

    app = FastAPI()
    app.add_middleware(FaultReporter, report=report)

    @app.get("/bad")
    async def bad() -> None:
        raise ValueError("a fault of ours")

    @app.get("/good")
    async def good() -> str:
        return "fine"

    transport = httpx.ASGITransport(app, raise_app_exceptions=False)
    async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
        assert (await client.get("/good")).status_code == 200
        assert reports == []
        assert (await client.get("/bad")).status_code == 500
    assert reports == [("ValueError", "web", {"method": "GET", "route": "/bad"})]
