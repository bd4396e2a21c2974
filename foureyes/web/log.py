"""GET /api/log: the last lines of the log, filtered."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Annotated, Any, Literal, Protocol

from fastapi import FastAPI, Query

from foureyes.telemetry.log_ring import Wanted

_MOST = 500


class LogLines(Protocol):
    """Where the last lines are."""

    def lines(self, wanted: Wanted, limit: int) -> Sequence[Mapping[str, Any]]:
        """The newest lines that are wanted, the oldest of them first."""
        ...


def add_log(app: FastAPI, log: LogLines) -> None:
    """Add the route to an application."""

    @app.get("/api/log")
    async def lines(
        level: Literal["info", "warning", "error"] | None = None,
        component: Annotated[str | None, Query(max_length=200)] = None,
        q: Annotated[str | None, Query(max_length=200)] = None,
        after: Annotated[int, Query(ge=0)] = 0,
        limit: Annotated[int, Query(ge=1, le=_MOST)] = 200,
    ) -> list[Mapping[str, Any]]:
        return list(log.lines(Wanted(level, component, q, after), limit))
