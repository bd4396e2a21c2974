"""GET /api/errors...: the recorded faults by groups, one group with what to run, and the pictures kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from pathlib import Path
from typing import Annotated, Any, Literal, ParamSpec, Protocol, TypeVar

from fastapi import FastAPI, Query
from fastapi.responses import FileResponse, Response
from starlette.exceptions import HTTPException

from foureyes.exceptions import SpoolError, UnknownFaultError

P = ParamSpec("P")
T = TypeVar("T")

_TYPES = {".png": "image/png", ".jpg": "image/jpeg"}
_Short = Annotated[str | None, Query(max_length=200)]


class Faults(Protocol):
    """Where recorded faults are. Every call reads from disk: keep it off the event loop."""

    def groups(
        self, limit: int, status: str | None, kind: str | None, component: str | None
    ) -> list[dict[str, Any]]:
        """The groups that are wanted, the one seen last first. Raises SpoolError."""
        ...

    def group(self, name: str) -> dict[str, Any]:
        """One group with its events, its case and what to run. Raises UnknownFaultError or SpoolError."""
        ...

    def picture(self, digest: str) -> Path | None:
        """The file of a kept picture by its digest; None where there is none."""
        ...


def add_faults(app: FastAPI, faults: Faults) -> None:
    """Add the routes to an application."""

    @app.get("/api/errors")
    async def groups(
        status: Literal["new", "triaged", "resolved", "regressed", "muted"] | None = None,
        kind: Annotated[_Short, Query(alias="class")] = None,
        component: _Short = None,
        limit: Annotated[int, Query(ge=1, le=500)] = 50,
    ) -> list[dict[str, Any]]:
        return await _asked(faults.groups, limit, status, kind, component)

    @app.get("/api/errors/{name}")
    async def group(name: str) -> dict[str, Any]:
        return await _asked(faults.group, name)

    @app.get("/api/errors/pictures/{digest}")
    async def picture(digest: str) -> Response:
        file = await _asked(faults.picture, digest)
        if file is None:
            raise HTTPException(404, "no such picture is kept, or not any more")
        return FileResponse(file, media_type=_TYPES[file.suffix], headers={"Cache-Control": "no-store"})


async def _asked(question: Callable[P, T], *arguments: P.args, **named: P.kwargs) -> T:
    try:
        return await asyncio.to_thread(question, *arguments, **named)
    except UnknownFaultError as error:
        raise HTTPException(404, str(error)) from error
    except SpoolError as error:
        raise HTTPException(503, str(error)) from error
