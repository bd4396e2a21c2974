"""LM Studio in its three levels: native v1, the older v0, and OpenAI's routes alone.

It answers a route that it does not have with status 200, so a level is known by what its listing holds.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from pydantic import BaseModel, TypeAdapter

from foureyes.exceptions import ServerReplyError, UnknownRouteError
from foureyes.servers.chat import asking as chat
from foureyes.servers.chat.completion import Asked
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.kinds import listing
from foureyes.servers.kinds.dialect import Dialect, is_named
from foureyes.servers.kinds.stranger import stranger
from foureyes.servers.server import Listed

_GREETING_TIMEOUT_S = 2.0
_UNLOAD_TIMEOUT_S = 30.0
_UNEXPECTED = "Unexpected endpoint or method"
_COPY_NUMBER = re.compile(r":\d+$")


class _Instance(BaseModel):
    id: str


class _Capabilities(BaseModel):
    vision: bool = False


class _NativeModel(BaseModel):
    key: str
    type: str = "llm"
    size_bytes: int | None = None
    loaded_instances: list[_Instance]
    capabilities: _Capabilities | None = None
    variants: list[str] = []
    selected_variant: str | None = None


class _V0Model(BaseModel):
    id: str
    type: str
    state: str


_NATIVE = TypeAdapter(list[_NativeModel])
_V0 = TypeAdapter(list[_V0Model])


def _native(server: str, document: Mapping[str, Any]) -> tuple[Listed, ...]:
    models = listing.understood(_NATIVE, document.get("models"), server)
    return tuple(entry for model in models for entry in _native_entries(model))


def _native_entries(model: _NativeModel) -> list[Listed]:
    """A model under its key, and each of its variants under a name of its own."""
    vision = model.type == "llm" and (model.capabilities.vision if model.capabilities else None)
    copies = tuple(instance.id for instance in model.loaded_instances)

    def entry(name: str, instances: tuple[str, ...]) -> Listed:
        return Listed(name, bool(instances), instances, model.size_bytes, vision)

    def variant(name: str) -> Listed:
        """The selected variant is what the key stands for; another one has copies of its own name."""
        own = tuple(each for each in copies if _COPY_NUMBER.sub("", each) == name)
        return entry(name, copies if name == model.selected_variant else own)

    return [entry(model.key, copies), *map(variant, model.variants)]


def _v0(server: str, document: Mapping[str, Any]) -> tuple[Listed, ...]:
    models = listing.understood(_V0, document.get("data"), server)
    return tuple(Listed(each.id, each.state == "loaded", vision=each.type == "vlm") for each in models)


@dataclass(frozen=True)
class _Level:
    """One API level: where it lists its models, in which shape, and whether it can load and unload them."""

    route: str
    parse: Callable[[str, Mapping[str, Any]], tuple[Listed, ...]]
    can_load: bool = False

    def fits(self, document: Mapping[str, Any]) -> bool:
        """Whether this is the listing of this level."""
        try:
            self.parse("", document)
        except ServerReplyError:
            return False
        return True


_LEVELS = (
    _Level("/api/v1/models", _native, can_load=True),
    _Level("/api/v0/models", _v0),
    _Level(listing.ROUTE, listing.openai_listed),
)


async def answers(http: ServerHttp) -> bool:
    """Whether LM Studio answers there: by its greeting, or by its way of not knowing a route."""
    document = (await http.exchange("GET", "/lmstudio-greeting", timeout_s=_GREETING_TIMEOUT_S)).document()
    return document.get("lmstudio") is True or str(document.get("error")).startswith(_UNEXPECTED)


async def dialect_at(http: ServerHttp, context_length: int | None) -> Dialect:
    """LM Studio in the highest level that it speaks. Raises a ServerError leaf; StrangerError where it is none."""
    for level in _LEVELS:
        try:
            exchange = await http.accepted("GET", level.route)
        except UnknownRouteError:
            continue
        if level.fits(exchange.document()):
            return _dialect(_LmStudio(http, level, context_length), level)
        break
    raise await stranger(http, "LM Studio")


def _dialect(studio: _LmStudio, level: _Level) -> Dialect:
    return Dialect(
        kind="LM Studio",
        how_to_get="get it with `lms get {model}`, or in LM Studio itself",
        how_to_see="get a model with vision",
        check_live=studio.check_live,
        check_ready=studio.check_ready,
        listed=studio.listed,
        load=studio.load if level.can_load else studio.wake,
        unload=studio.unload if level.can_load else None,
        is_named=_is_named,
    )


def _is_named(entry: Listed, name: str) -> bool:
    """A further copy has a number behind its key: `key:2`."""
    return is_named(entry, name) or is_named(entry, _COPY_NUMBER.sub("", name))


class _LmStudio:
    """LM Studio in one of its levels."""

    def __init__(self, http: ServerHttp, level: _Level, context_length: int | None) -> None:
        self._http = http
        self._level = level
        self._context_length = context_length

    async def check_live(self) -> None:
        """The greeting, which nobody promised to stay; without it, the listing."""
        try:
            document = await self._http.call("GET", "/lmstudio-greeting", timeout_s=_GREETING_TIMEOUT_S)
        except UnknownRouteError:
            document = {}
        if document.get("lmstudio") is not True:
            await self.listed()

    async def check_ready(self) -> None:
        """It takes requests when it lists its models."""
        await self.listed()

    async def listed(self) -> tuple[Listed, ...]:
        """What it has downloaded, and what of it is loaded."""
        return self._level.parse(self._http.name, await self._http.call("GET", self._level.route))

    async def load(self, entry: Listed, timeout_s: float) -> None:
        """Load explicitly: what a request loads is evicted by the next request for another model."""
        body: dict[str, Any] = {"model": entry.id}
        if self._context_length is not None:
            body["context_length"] = self._context_length
        await self._http.call("POST", "/api/v1/models/load", body=body, timeout_s=timeout_s)

    async def wake(self, entry: Listed, timeout_s: float) -> None:
        """Load by a request, where there is no other way."""
        await chat.wake(self._http, Asked(entry.id, lambda name: _is_named(entry, name)), timeout_s=timeout_s)

    async def unload(self, entry: Listed) -> None:
        """Each copy by its own id."""
        for instance_id in entry.instances:
            body = {"instance_id": instance_id}
            await self._http.call("POST", "/api/v1/models/unload", body=body, timeout_s=_UNLOAD_TIMEOUT_S)
