"""The engine's HTTP routes, and how each error becomes a status and a sentence."""

from __future__ import annotations

from typing import Any, TypeVar

from fastapi import FastAPI, Request
from fastapi.responses import JSONResponse
from pydantic import BaseModel, ValidationError
from starlette.exceptions import HTTPException

from foureyes.engine import reply, request
from foureyes.engine.models import Models
from foureyes.engine.timings import Timings
from foureyes.exceptions import (
    BadPictureError,
    FourEyesError,
    ModelMissingError,
    PictureTooLargeError,
    SchemaError,
    ServerBusyError,
    UsageError,
)

MAX_BODY_BYTES = 64 * 1024 * 1024
STUCK_S = 30.0
_STATUS: dict[type[FourEyesError], tuple[int, str]] = {
    BadPictureError: (400, "bad_picture"),
    SchemaError: (400, "bad_schema"),
    UsageError: (400, "bad_request"),
    ModelMissingError: (404, "model_not_found"),
    PictureTooLargeError: (413, "too_large"),
    ServerBusyError: (503, "busy"),
}


Asked = TypeVar("Asked", bound=BaseModel)


class _Load(BaseModel):
    model: str


class _Unload(BaseModel):
    instance_id: str


def create_app(models: Models) -> FastAPI:
    """The application that answers for these models."""
    app = FastAPI(title="FourEyes engine", docs_url=None, redoc_url=None, openapi_url=None)
    _add_faults(app)
    _add_listings(app, models)
    _add_loading(app, models)

    @app.get("/health")
    async def health() -> JSONResponse:
        lanes = {lane.name: lane for lane in (models.text_lane, models.pixel_lane)}
        stuck = any(lane.working_s() > STUCK_S for lane in lanes.values())
        work = {
            name: {"waiting": lane.waiting, "working_s": round(lane.working_s(), 3)}
            for name, lane in lanes.items()
        }
        loaded = [listing.key for listing in models.listings if models.is_loaded(listing.key)]
        document = {"status": "stuck" if stuck else "ok", "loaded": loaded, "lanes": work}
        return JSONResponse(document, 503 if stuck else 200)

    @app.post("/v1/chat/completions")
    async def chat(incoming: Request) -> JSONResponse:
        body = request.parse(await _bounded(incoming))
        timings = Timings()
        answer = await models.answer(body, body.pictures(), timings)
        return JSONResponse(reply.completion(body.model, answer, timings))

    return app


def _add_listings(app: FastAPI, models: Models) -> None:
    @app.get("/v1/models")
    async def openai_models() -> dict[str, Any]:
        return reply.openai_listing(models.listings)

    @app.get("/api/v1/models")
    async def native_models() -> dict[str, Any]:
        listed = [reply.native_listing(each, loaded=models.is_loaded(each.key)) for each in models.listings]
        return {"models": listed}


def _add_loading(app: FastAPI, models: Models) -> None:
    @app.post("/api/v1/models/load")
    async def load(incoming: Request) -> dict[str, Any]:
        model = _asked(_Load, await _bounded(incoming)).model
        seconds = await models.load(model)
        return {"type": "vision", "instance_id": model, "load_time_seconds": round(seconds, 3), "status": "loaded"}

    @app.post("/api/v1/models/unload")
    async def unload(incoming: Request) -> dict[str, Any]:
        instance = _asked(_Unload, await _bounded(incoming)).instance_id
        await models.unload(instance)
        return {"instance_id": instance}


def _add_faults(app: FastAPI) -> None:
    @app.exception_handler(FourEyesError)
    async def ours(_: Request, error: FourEyesError) -> JSONResponse:
        status, code = _STATUS.get(type(error), (500, "internal_error"))
        return JSONResponse(reply.fault(str(error), code), status)

    @app.exception_handler(HTTPException)
    async def routing(incoming: Request, error: HTTPException) -> JSONResponse:
        where = f"{incoming.method} {incoming.url.path}"
        said = {404: f"there is no route {where}", 405: f"{where} is not how this route is called"}
        sentence = said.get(error.status_code, str(error.detail))
        return JSONResponse(reply.fault(sentence, "no_route"), error.status_code, headers=error.headers)

    @app.exception_handler(Exception)
    async def unexpected(_: Request, error: Exception) -> JSONResponse:
        sentence = f"the engine failed at this request: {type(error).__name__}; its log has the traceback"
        return JSONResponse(reply.fault(sentence, "internal_error"), 500)


async def _bounded(incoming: Request) -> bytes:
    """The body, refused as soon as it is over the bound and not after. Raises PictureTooLargeError."""
    body = bytearray()
    async for chunk in incoming.stream():
        body += chunk
        if len(body) > MAX_BODY_BYTES:
            raise PictureTooLargeError(
                f"the request is over {MAX_BODY_BYTES:,} bytes; send fewer or smaller pictures"
            )
    return bytes(body)


def _asked(kind: type[Asked], data: bytes) -> Asked:
    try:
        return kind.model_validate_json(data)
    except ValidationError as error:
        names = ", ".join(kind.model_fields)
        raise UsageError(f"the request needs a JSON object with {names} as text") from error
