"""GET and POST /api/pause, POST /api/resume: what pauses is the looking."""

from __future__ import annotations

from typing import Annotated, Any, Protocol

from fastapi import FastAPI, Request
from pydantic import BaseModel, ConfigDict, Field
from starlette.exceptions import HTTPException

from foureyes.config.section import Name
from foureyes.exceptions import UsageError

_LONGEST_S = 31_536_000.0

Span = Annotated[float, Field(gt=0, le=_LONGEST_S, allow_inf_nan=False, strict=True)]


class Pauses(Protocol):
    """Who stops the looking."""

    def document(self) -> dict[str, Any]:
        """The pauses in force, by source."""
        ...

    async def pause(self, source: str | None, for_s: float | None, who: str) -> dict[str, Any]:
        """Pause a source, or all; the pauses in force then. Raises UsageError where there is no such source."""
        ...

    async def resume(self, source: str | None, who: str) -> dict[str, Any]:
        """Look at a source again, or at all; the pauses in force then. Raises UsageError likewise."""
        ...


class Wish(BaseModel):
    """Which source is meant; all of them where none is named."""

    model_config = ConfigDict(extra="forbid")

    source: Name | None = None


class PauseWish(Wish):
    """Also for how long; until somebody resumes by default."""

    for_s: Span | None = None


def add_pause(app: FastAPI, pauses: Pauses) -> None:
    """Add the routes to an application."""

    @app.get("/api/pause")
    async def paused() -> dict[str, Any]:
        return {"sources": pauses.document()}

    @app.post("/api/pause")
    async def pause(request: Request, wish: PauseWish) -> dict[str, Any]:
        try:
            return {"sources": await pauses.pause(wish.source, wish.for_s, request.state.who)}
        except UsageError as error:
            raise HTTPException(400, str(error)) from error

    @app.post("/api/resume")
    async def resume(request: Request, wish: Wish) -> dict[str, Any]:
        try:
            return {"sources": await pauses.resume(wish.source, request.state.who)}
        except UsageError as error:
            raise HTTPException(400, str(error)) from error
