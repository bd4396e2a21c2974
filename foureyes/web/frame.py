"""GET /api/frame: the newest picture of a source, as everybody else sees it: masks are painted."""

from __future__ import annotations

import asyncio
from typing import Protocol

from fastapi import FastAPI
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from foureyes.exceptions import UsageError
from foureyes.picture import Picture, encode_png


class Pictures(Protocol):
    """Where the newest pictures are."""

    def newest(self, source: str | None) -> Picture | None:
        """The newest picture of a source, the first one by default. Raises UsageError where there is no such."""
        ...


def add_frame(app: FastAPI, pictures: Pictures) -> None:
    """Add the route to an application."""

    @app.get("/api/frame")
    async def frame(source: str | None = None) -> Response:
        try:
            picture = pictures.newest(source)
        except UsageError as error:
            raise HTTPException(404, str(error)) from error
        if picture is None:
            raise HTTPException(503, "no picture was captured yet; ask again in a moment")
        return Response(await asyncio.to_thread(_png, picture), media_type="image/png")


def _png(picture: Picture) -> bytes:
    return encode_png(picture.pixels)
