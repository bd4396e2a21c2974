"""GET /api/metrics: what requests to models came to over the last hour, the last day, or any window."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from typing import Annotated, Any

from fastapi import FastAPI, Query
from starlette.exceptions import HTTPException

from foureyes.exceptions import HistoryError
from foureyes.telemetry.history import MOST_HOURS


@dataclass(frozen=True)
class Figures:
    """Where the figures of requests to models are."""

    aggregates: Callable[[float], dict[str, Any]]
    """Those of the last hours; waits for the disk. Raises HistoryError."""
    active_requests: Callable[[], int]
    """How many requests the servers have now."""


def add_metrics(app: FastAPI, figures: Figures) -> None:
    """Add the route to an application."""
    one_at_a_time = asyncio.Lock()  # a crowd of readers leaves the loop's threads alone

    @app.get("/api/metrics")
    async def metrics(hours: Annotated[float, Query(gt=0, le=MOST_HOURS)] = 1.0) -> dict[str, Any]:
        try:
            async with one_at_a_time:
                found = await asyncio.to_thread(figures.aggregates, hours)
        except HistoryError as error:
            raise HTTPException(503, str(error)) from error
        return {**found, "active_requests": figures.active_requests()}
