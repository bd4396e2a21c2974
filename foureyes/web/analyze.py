"""POST /api/analyze: one picture read for an operator, in a queue behind the loop."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import Annotated, Any, Literal, Protocol

from fastapi import FastAPI, Query, Request
from fastapi.responses import JSONResponse, Response
from starlette.requests import ClientDisconnect

from foureyes.exceptions import (
    ChangedMeanwhileError,
    ConfigError,
    FourEyesError,
    PictureError,
    PictureTooLargeError,
    QueueFullError,
    SchemaError,
    ServerError,
    UsageError,
)
from foureyes.picture import MAX_BYTES, measured
from foureyes.servers.server import Priority
from foureyes.telemetry.report import Report
from foureyes.web.intake import Intake, Place

_TYPES = {"image/png", "image/jpeg"}
_BODY_WITHIN_S = 30.0
_BYTES_A_PIXEL = 3
_CLIENT_GONE, _OURS = 499, 500
_NAME = r"^[A-Za-z0-9][A-Za-z0-9_.-]{0,63}$"

Names = Annotated[list[str], Query(max_length=100)]


@dataclass(frozen=True)
class Question:
    """What an operator wants of a picture."""

    tasks: tuple[str, ...]
    """All where there are none."""
    source: str | None
    """Whose regions count; the first one's by default."""
    priority: Priority
    client: str
    """Who asks, by its own word: every address here is loopback, and tells nobody apart."""


class Desk(Protocol):
    """Where pictures are read."""

    intake: Intake

    async def read(self, data: bytes, question: Question) -> list[dict[str, Any]]:
        """One reading for each task. Raises UsageError, PictureError or ServerError."""
        ...


def add_analyze(app: FastAPI, desk: Desk, report: Report) -> None:
    """Add the route to an application; `report` gets what is no fault of the client's."""

    @app.post("/api/analyze")
    async def analyze(
        request: Request,
        task: Names = [],  # noqa: B006 - FastAPI copies it
        priority: Literal["high", "normal", "low"] = "normal",
        source: str | None = None,
        client: Annotated[str, Query(pattern=_NAME)] = "anonymous",
    ) -> Response:
        question = Question(tuple(task), source, Priority[priority.upper()], client)
        if _type(request) not in _TYPES:  # which no form of a foreign page can send
            return _refusal(415, "send a picture with Content-Type: image/png or image/jpeg")
        try:
            with desk.intake.place() as place:
                data = await _picture(request, desk.intake, place)
                return await answered(request, desk.read(data, question))
        except ClientDisconnect:  # before the picture was there
            return Response(status_code=_CLIENT_GONE)
        except TimeoutError:
            return _refusal(408, f"the picture did not arrive within {_BODY_WITHIN_S:g} s")
        except FourEyesError as error:
            status = status_of(error)
            if status >= _OURS:
                report(error, "web", method=request.method, route=request.url.path, client=client)
            return _refusal(status, str(error), error)


def _type(request: Request) -> str:
    return request.headers.get("content-type", "").partition(";")[0].strip().lower()


async def _picture(request: Request, intake: Intake, place: Place) -> bytes:
    """The body, taken in within the bounds of bytes, pixels and time."""
    data = bytearray()
    async with asyncio.timeout(_BODY_WITHIN_S):
        async for chunk in request.stream():
            if len(data) + len(chunk) > MAX_BYTES:
                raise PictureTooLargeError(f"the picture has more than {MAX_BYTES:,} bytes")
            intake.hold(place, len(chunk))
            data += chunk
    width, height = measured(data)
    intake.hold(place, width * height * _BYTES_A_PIXEL)
    return bytes(data)


async def answered(request: Request, work: Coroutine[Any, Any, Any]) -> Response:
    """What the work gives, as JSON; a client that leaves takes its question out of the queue."""
    working = asyncio.create_task(work, name="analysis")
    leaving = asyncio.create_task(_left(request), name="client of an analysis")
    try:
        await asyncio.wait({working, leaving}, return_when=asyncio.FIRST_COMPLETED)
        return JSONResponse(working.result()) if working.done() else Response(status_code=_CLIENT_GONE)
    finally:
        leaving.cancel()
        working.cancel()
        await asyncio.wait({working, leaving})


async def _left(request: Request) -> None:
    while (await request.receive())["type"] != "http.disconnect":
        pass


def status_of(error: FourEyesError) -> int:
    """The HTTP status that tells whose fault an error is."""
    if isinstance(error, QueueFullError):
        return 429
    if isinstance(error, ChangedMeanwhileError):
        return 409
    if isinstance(error, PictureTooLargeError):
        return 413
    if isinstance(error, PictureError | UsageError | ConfigError | SchemaError):
        return 400
    return 502 if isinstance(error, ServerError) else 500


def refused(error: FourEyesError) -> JSONResponse:
    """The answer to what cannot be done; of a full queue, with when to come again."""
    return _refusal(status_of(error), str(error), error)


def _refusal(status: int, message: str, error: FourEyesError | None = None) -> JSONResponse:
    headers = {"Retry-After": str(math.ceil(error.retry_after_s))} if isinstance(error, QueueFullError) else None
    return JSONResponse({"error": {"message": message}}, status, headers)
