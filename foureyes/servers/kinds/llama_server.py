"""llama.cpp's llama-server: with one model that is always loaded, or as a router over several."""

from __future__ import annotations

import asyncio
from collections.abc import Mapping
from collections.abc import Set as AbstractSet
from functools import partial
from pathlib import PurePosixPath, PureWindowsPath
from typing import Any

from pydantic import BaseModel, TypeAdapter

from foureyes.exceptions import (
    BadRequestError,
    ModelCrashedError,
    ServerBusyError,
    ServerError,
    ServerLoadingError,
    ServerReplyError,
    ServerTimeoutError,
    UnauthorisedError,
)
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.kinds import listing
from foureyes.servers.kinds.dialect import Dialect, is_named
from foureyes.servers.kinds.stranger import stranger
from foureyes.servers.server import Listed

_POLL_S = 0.2
_UNLOAD_TIMEOUT_S = 30.0
"""A model is given ten seconds to end by itself."""
_AWAKE = {"loaded", "sleeping"}
"""One that sleeps is loaded again by the next request."""


class _Status(BaseModel):
    value: str
    failed: bool = False
    exit_code: int | None = None


class _Architecture(BaseModel):
    input_modalities: list[str] = []


class _Meta(BaseModel):
    size: int | None = None


class _Model(BaseModel):
    id: str
    status: _Status | None = None
    architecture: _Architecture | None = None
    meta: _Meta | None = None


class _Other(BaseModel):
    """The same model in the list that it has for clients of Ollama."""

    name: str
    capabilities: list[str] | None = None


_MODELS = TypeAdapter(list[_Model])
_OTHERS = TypeAdapter(list[_Other])


async def answers(http: ServerHttp) -> bool:
    """Whether a llama-server answers there, one that still loads included. Raises UnauthorisedError."""
    try:
        document = await http.call("GET", "/props")
    except ServerLoadingError:
        return True
    except UnauthorisedError:
        raise  # what wants a token here wants it everywhere: without one it cannot be told
    except ServerError:
        return False
    return "default_generation_settings" in document or document.get("role") == "router"


async def dialect_at(http: ServerHttp) -> Dialect:
    """One model or several, told by the listing. Raises a ServerError leaf; StrangerError where it is another."""
    try:
        await _check_ready(http)
        models = _models(http, await http.call("GET", listing.ROUTE))
    except ServerReplyError as error:
        raise await stranger(http, "llama-server") from error
    is_router = not models or any(model.status is not None for model in models)
    return _router(http) if is_router else _single(http)


def _single(http: ServerHttp) -> Dialect:
    """With one model, which is loaded as long as the server runs."""
    return Dialect(
        kind="llama-server",
        how_to_get="start it with that model (-m FILE), or correct model_id",
        how_to_see="start it with the projector of its model (--mmproj FILE)",
        check_live=partial(_check_live, http),
        check_ready=partial(_check_ready, http),
        listed=partial(_the_one, http),
        is_named=_is_named,
    )


def _router(http: ServerHttp) -> Dialect:
    """As a router, which starts another llama-server for each model."""
    router = _Router(http)
    return Dialect(
        kind="llama-server as a router",
        how_to_get="put it into its --models-dir, or correct model_id",
        how_to_see="put its projector (mmproj*.gguf) beside the model",
        check_live=partial(_check_live, http),
        check_ready=partial(_check_ready, http),
        listed=router.listed,
        load=router.load,
        unload=router.unload,
    )


async def _check_ready(http: ServerHttp) -> None:
    document = await http.call("GET", "/health", timeout_s=2.0)
    if document.get("status") != "ok":
        raise ServerReplyError(f"server '{http.name}' says {document.get('status')!r} of its health, not 'ok'")


async def _check_live(http: ServerHttp) -> None:
    try:
        await _check_ready(http)
    except ServerLoadingError:
        return


async def _the_one(http: ServerHttp) -> tuple[Listed, ...]:
    document = await http.call("GET", listing.ROUTE)
    others = listing.understood(_OTHERS, document.get("models", []), http.name)
    seeing = {each.name: "multimodal" in each.capabilities for each in others if each.capabilities is not None}
    return tuple(
        Listed(each.id, loaded=True, size_bytes=_size(each), vision=_vision(each, seeing.get(each.id)))
        for each in _models(http, document)
    )


def _is_named(entry: Listed, name: str) -> bool:
    """Its id is the path of a file, or the name of one, with or without its ending."""
    paths = (PurePosixPath(entry.id), PureWindowsPath(entry.id))
    return is_named(entry, name) or any(name in {path.name, path.stem} for path in paths)


class _Router:
    """What it tells of its models, and how it loads them."""

    def __init__(self, http: ServerHttp) -> None:
        self._http = http

    async def listed(self) -> tuple[Listed, ...]:
        """Its models."""
        return tuple(
            Listed(each.id, loaded=_value(each) in _AWAKE, size_bytes=_size(each), vision=_vision(each, None))
            for each in await self._models()
        )

    async def load(self, entry: Listed, timeout_s: float) -> None:
        """Begin to load, unless somebody else has, and see how it ends. ModelCrashedError where it fails."""
        try:
            await self._http.call("POST", "/models/load", body={"model": entry.id})
        except BadRequestError:
            if _value(await self._model(entry.id)) not in {"loading", *_AWAKE}:
                raise
        await self._settled(entry.id, _AWAKE, timeout_s)

    async def unload(self, entry: Listed) -> None:
        """Begin to unload, and see it end."""
        await self._http.call("POST", "/models/unload", body={"model": entry.id})
        await self._settled(entry.id, {"unloaded"}, _UNLOAD_TIMEOUT_S)

    async def _settled(self, name: str, wanted: AbstractSet[str], timeout_s: float) -> None:
        try:
            async with asyncio.timeout(timeout_s):
                while _value(model := await self._model(name)) not in wanted:
                    self._check_failed(model)
                    await asyncio.sleep(_POLL_S)
        except TimeoutError:
            raise ServerTimeoutError(
                f"server '{self._http.name}' did not get '{name}' {' or '.join(sorted(wanted))} "
                f"within {timeout_s:g} s; see its log"
            ) from None

    def _check_failed(self, model: _Model) -> None:
        if model.status is not None and model.status.failed:
            raise ModelCrashedError(
                f"server '{self._http.name}' could not load '{model.id}': its process ended with exit code "
                f"{model.status.exit_code}; see its log"
            )

    async def _model(self, name: str) -> _Model:
        for each in await self._models():
            if each.id == name:
                return each
        raise ServerBusyError(f"server '{self._http.name}' lists '{name}' no longer")

    async def _models(self) -> list[_Model]:
        return _models(self._http, await self._http.call("GET", "/models"))


def _models(http: ServerHttp, document: Mapping[str, Any]) -> list[_Model]:
    return listing.understood(_MODELS, document.get("data"), http.name)


def _value(model: _Model) -> str:
    return model.status.value if model.status else "unloaded"


def _size(model: _Model) -> int | None:
    return model.meta.size if model.meta else None


def _vision(model: _Model, otherwise: bool | None) -> bool | None:  # noqa: FBT001 - one value of three
    """Older servers do not say; some say it only in the list for clients of Ollama."""
    return "image" in model.architecture.input_modalities if model.architecture else otherwise
