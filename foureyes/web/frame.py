"""GET /api/frame: the newest picture of a source, as everybody else sees it: masks are painted."""

from __future__ import annotations

import asyncio
import threading
from typing import Annotated, Literal, Protocol
from weakref import WeakKeyDictionary

import cv2
import numpy as np
from cachetools import LRUCache
from fastapi import FastAPI, Query, Request
from fastapi.responses import Response
from starlette.exceptions import HTTPException

from foureyes.exceptions import UsageError
from foureyes.frames.frame import Frame
from foureyes.picture import MAX_SIDE_PX, Picture, Pixels, digest, encode_png
from foureyes.vision.look import Look

Format = Literal["png", "jpeg"]
_Sizes = LRUCache[tuple[Format, int | None], bytes]

_JPEG = b"\xff\xd8"
_QUALITY = 85
_MOST_SIZES = 8
"""Kept of one picture: it may be shown for days, and a client may ask for any width."""


class Pictures(Protocol):
    """Where the newest pictures are."""

    def newest_look(self, source: str | None) -> Look | None:
        """The newest look at a source, the first one by default. Raises UsageError where there is no such."""
        ...


class _Encoded:
    """What was encoded of the pictures that are still shown, in the sizes asked for last: all pages share it."""

    def __init__(self) -> None:
        self._known: WeakKeyDictionary[Picture, _Sizes] = WeakKeyDictionary()
        self._lock = threading.Lock()

    def bytes_of(self, picture: Picture, kind: Format, width: int | None) -> bytes:
        """The picture, no wider than `width` pixels. Slow: keep it off the event loop."""
        size = None if width is None or width >= picture.width else width
        with self._lock:
            known = self._known.setdefault(picture, LRUCache(_MOST_SIZES))
            data = known.get((kind, size))
        if data is None:
            data = _encoded(picture, kind, size)
            with self._lock:
                known[kind, size] = data
        return data

    @staticmethod
    def etag(picture: Picture) -> str:
        """Names the pixels."""
        return f'"{digest(picture.pixels)}"'


def add_frame(app: FastAPI, pictures: Pictures) -> None:
    """Add the route to an application."""
    encoded = _Encoded()

    @app.get("/api/frame")
    async def frame(
        request: Request,
        source: str | None = None,
        kind: Annotated[Format, Query(alias="format")] = "png",
        width: Annotated[int | None, Query(ge=16, le=MAX_SIDE_PX)] = None,
    ) -> Response:
        newest = _newest(pictures, source)
        etag = await asyncio.to_thread(encoded.etag, newest.picture)
        headers = _headers(newest, etag)
        if request.headers.get("if-none-match") == etag:
            return Response(status_code=304, headers=headers)
        data = await asyncio.to_thread(encoded.bytes_of, newest.picture, kind, width)
        return Response(data, media_type=f"image/{kind}", headers=headers)


def _newest(pictures: Pictures, source: str | None) -> Frame:
    try:
        newest = pictures.newest_look(source)
    except UsageError as error:
        raise HTTPException(404, str(error)) from error
    if newest is None:
        raise HTTPException(503, "no picture was captured yet; ask again in a moment")
    return newest.frame


def _headers(frame: Frame, etag: str) -> dict[str, str]:
    picture = frame.picture
    return {
        "ETag": etag,
        "Cache-Control": "no-cache",
        "X-Frame-Id": frame.id,
        "X-Captured-At": frame.captured_at.isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "X-Frame-Size": f"{picture.width}x{picture.height}",
    }


def _encoded(picture: Picture, kind: Format, width: int | None) -> bytes:
    if width is None and kind == "jpeg" and (picture.encoded or b"").startswith(_JPEG):
        return picture.encoded or b""
    pixels = picture.pixels
    if width is not None:
        height = max(1, round(picture.height * width / picture.width))
        pixels = np.asarray(cv2.resize(pixels, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
    return encode_png(pixels) if kind == "png" else _jpeg(pixels)


def _jpeg(pixels: Pixels) -> bytes:
    _, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _QUALITY])
    return data.tobytes()
