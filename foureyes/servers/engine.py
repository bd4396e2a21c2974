"""The embedded engine as a model server, and the command line that starts it."""

from __future__ import annotations

import sys
from typing import Any, TypeVar

from pydantic import BaseModel, NonNegativeFloat, TypeAdapter, ValidationError

from foureyes.exceptions import ModelMissingError, ServerBusyError, ServerReplyError
from foureyes.servers import chat
from foureyes.servers.http import ServerHttp
from foureyes.servers.server import ChatReply, ChatRequest, Listed

T = TypeVar("T")

_LOAD_TIMEOUT_S = 60.0


class _Listed(BaseModel):
    key: str
    loaded_instances: list[Any] = []


_LISTING = TypeAdapter(list[_Listed])
_SECONDS = TypeAdapter(NonNegativeFloat)


def command(*, port: int, threads: int) -> list[str]:
    """The argument list that starts an engine on loopback; port 0 lets it choose one and say which."""
    return [
        sys.executable,
        "-m",
        "foureyes.engine",
        "--port",
        str(port),
        "--threads",
        str(threads),
        "--parent-pipe",
    ]


class Engine:
    """A running engine at a URL."""

    can_unload = True

    def __init__(self, name: str, url: str) -> None:
        self.id = name
        self.url = url
        self._http = ServerHttp(name, url)

    async def check_live(self) -> None:
        """Raise unless /health says ok in its body."""
        document = await self._http.call("GET", "/health", timeout_s=2.0)
        if document.get("status") != "ok":
            raise ServerBusyError(f"server '{self.id}' says {document.get('status')!r} of itself")

    async def check_ready(self) -> None:
        """An engine that lives takes requests."""
        await self.check_live()

    async def listed(self) -> tuple[Listed, ...]:
        """The engine's models."""
        listed = await self._listed()
        return tuple(
            Listed(model.key, bool(model.loaded_instances), (model.key,), vision=True) for model in listed
        )

    async def entry(self, model_id: str) -> Listed | None:
        """What is listed under this id."""
        return next((each for each in await self.listed() if each.id == model_id), None)

    async def load(self, model_id: str) -> float:
        """Load a model unless it is loaded, then see it listed as loaded."""
        listed = await self._listed()
        if model_id not in (known := [model.key for model in listed]):
            raise ModelMissingError(f"the engine has no model '{model_id}'; it serves {', '.join(known)}")
        if model_id in _loaded(listed):
            return 0.0
        body = {"model": model_id}
        document = await self._http.call("POST", "/api/v1/models/load", body=body, timeout_s=_LOAD_TIMEOUT_S)
        if model_id not in _loaded(await self._listed()):
            raise ServerBusyError(f"the engine said it loaded '{model_id}', and does not list it as loaded")
        return self._understood(_SECONDS, document.get("load_time_seconds", 0.0))

    async def unload(self, model_id: str) -> None:
        """Let go of a model."""
        await self._http.call("POST", "/api/v1/models/unload", body={"instance_id": model_id})

    async def _listed(self) -> list[_Listed]:
        document = await self._http.call("GET", "/api/v1/models")
        return self._understood(_LISTING, document.get("models"))

    def _understood(self, shape: TypeAdapter[T], said: Any) -> T:
        try:
            return shape.validate_python(said)
        except ValidationError as error:
            raise ServerReplyError(
                f"what answers at {self.url} is no engine of FourEyes; correct the url of server '{self.id}'"
            ) from error

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Ask; the engine understands the x- annotations, so the schema goes as it is."""
        return await chat.ask(self._http, request)

    async def aclose(self) -> None:
        """Close the connections."""
        await self._http.aclose()


def _loaded(listed: list[_Listed]) -> set[str]:
    return {model.key for model in listed if model.loaded_instances}
