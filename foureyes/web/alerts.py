"""GET /api/alerts: what is in trouble now, what was told last, and how the channels stand."""

from __future__ import annotations

from typing import Any, Protocol

from fastapi import FastAPI


class AlertsView(Protocol):
    """Where the alerts are."""

    def document(self) -> dict[str, Any]:
        """`active`, `last` and `channels`, as JSON values."""
        ...


def add_alerts(app: FastAPI, alerts: AlertsView) -> None:
    """Add the route to an application."""

    @app.get("/api/alerts")
    async def show() -> dict[str, Any]:
        return alerts.document()
