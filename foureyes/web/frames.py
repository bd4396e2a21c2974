"""GET /api/frames/{id}: one frame's steps with their times, and who read what from it."""

from __future__ import annotations

from typing import Any, Protocol

from fastapi import FastAPI
from starlette.exceptions import HTTPException


class Frames(Protocol):
    """Where the ways of the last frames are."""

    def frame(self, frame_id: str) -> dict[str, Any] | None:
        """One frame's way; None where it is not known, or not any more."""
        ...


def add_frames(app: FastAPI, frames: Frames) -> None:
    """Add the route to an application."""

    @app.get("/api/frames/{frame_id}")
    async def frame(frame_id: str) -> dict[str, Any]:
        if (found := frames.frame(frame_id)) is None:
            raise HTTPException(404, "no such frame is known any more; only the last ones are")
        return found
