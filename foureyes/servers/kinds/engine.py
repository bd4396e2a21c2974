"""The embedded engine as a model server, and the command line that starts it."""

from __future__ import annotations

import sys
import time
from collections.abc import Mapping
from pathlib import Path
from typing import Any, TypeVar

from pydantic import BaseModel, NonNegativeFloat, TypeAdapter, ValidationError

from foureyes.exceptions import ModelCrashedError, ModelMissingError, ServerBusyError, ServerReplyError
from foureyes.servers.chat.completion import ROUTE, Asked, completion, question
from foureyes.servers.chat.sent_picture import data_url
from foureyes.servers.http import strict_json
from foureyes.servers.http.clients import Clients
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.server import ChatReply, ChatRequest, Listed, Remarks

T = TypeVar("T")

_LOAD_TIMEOUT_S = 60.0
_PNG_MAGIC = b"\x89PNG"


class _Listed(BaseModel):
    key: str
    loaded_instances: list[Any] = []
    size_bytes: int | None = None


_LISTING = TypeAdapter(list[_Listed])
_SECONDS = TypeAdapter(NonNegativeFloat)
_REMARKS = TypeAdapter(Remarks)


def command(*, port: int, threads: int, taught: Path | None = None) -> list[str]:
    """The argument list that starts an engine on loopback; port 0 lets it choose one and say which.

    `taught` is the folder of taught pictures, which need not be there yet.
    """
    return [
        sys.executable,
        "-m",
        "foureyes.engine",
        "--port",
        str(port),
        "--threads",
        str(threads),
        "--parent-pipe",
        *([] if taught is None else ["--taught", str(taught)]),
    ]


async def answers(http: ServerHttp) -> bool:
    """Whether an engine answers there: its health tells of its lanes."""
    document = (await http.exchange("GET", "/health", timeout_s=2.0)).document()
    return "status" in document and isinstance(document.get("lanes"), dict)


class Engine:
    """A running engine at a URL."""

    can_unload = True

    def __init__(self, name: str, url: str, clients: Clients) -> None:
        self.id = name
        self.url = url
        self._http = ServerHttp(name, url, clients)

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
        document = await self._http.call("GET", "/api/v1/models")
        listed = self._understood(_LISTING, document.get("models"))
        return tuple(
            Listed(each.key, bool(each.loaded_instances), (each.key,), each.size_bytes, vision=True)
            for each in listed
        )

    async def entry(self, model_id: str) -> Listed | None:
        """What is listed under this id."""
        return next((each for each in await self.listed() if each.id == model_id), None)

    async def load(self, model_id: str) -> float:
        """Load a model unless it is loaded, then see it listed as loaded."""
        listed = {each.id: each for each in await self.listed()}
        if model_id not in listed:
            raise ModelMissingError(f"the engine has no model '{model_id}'; it serves {', '.join(listed)}")
        if listed[model_id].loaded:
            return 0.0
        body = {"model": model_id}
        document = await self._http.call("POST", "/api/v1/models/load", body=body, timeout_s=_LOAD_TIMEOUT_S)
        entry = await self.entry(model_id)
        if entry is None or not entry.loaded:
            raise ModelCrashedError(f"the engine said it loaded '{model_id}', and does not list it as loaded")
        return self._understood(_SECONDS, document.get("load_time_seconds", 0.0))

    async def unload(self, model_id: str) -> None:
        """Let go of a model."""
        await self._http.call("POST", "/api/v1/models/unload", body={"instance_id": model_id})

    def _understood(self, shape: TypeAdapter[T], said: Any) -> T:
        try:
            return shape.validate_python(said)
        except ValidationError as error:
            raise ServerReplyError(
                f"what answers at {self.url} is no engine of FourEyes; correct the url of server '{self.id}'"
            ) from error

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Ask; the engine understands the x- annotations and every picture, so both go as they are."""
        asked = Asked(request.model_id, lambda model: model == request.model_id)
        body = question(request, asked, _messages(request), dict(request.schema))
        if request.stream is not None:
            body["user"] = request.stream
        began_s = time.monotonic()
        document = await self._http.call("POST", ROUTE, body=body, timeout_s=request.timeout_s)
        latency_ms = (time.monotonic() - began_s) * 1000
        answered = completion(self.id, document, asked)
        answer, remarks = _object(self.id, answered.text), _remarks(self.id, document)
        untouched = (1.0,) * len(request.pictures)
        return ChatReply(answer, request.model_id, latency_ms, remarks, answered.usage, untouched)

    async def aclose(self) -> None:
        """Let go of the connections."""
        await self._http.aclose()


def _messages(request: ChatRequest) -> list[dict[str, Any]]:
    images = [{"type": "image_url", "image_url": {"url": _picture(data)}} for data in request.pictures]
    return [{"role": "user", "content": [{"type": "text", "text": request.prompt}, *images]}]


def _picture(data: bytes) -> str:
    return data_url("png" if data.startswith(_PNG_MAGIC) else "jpeg", data)


def _object(server: str, content: str) -> Mapping[str, Any]:
    try:
        answer = strict_json.parsed(content)
    except ValueError as error:
        raise ServerReplyError(f"server '{server}' answered no JSON: {content[:200]!r}") from error
    if not isinstance(answer, dict):
        raise ServerReplyError(f"server '{server}' answered JSON that is no object: {content[:200]!r}")
    return answer


def _remarks(server: str, document: Mapping[str, Any]) -> Remarks:
    said = document.get("foureyes")
    if said is None:
        return Remarks()
    try:
        return _REMARKS.validate_python(said)
    except ValidationError as error:
        raise ServerReplyError(f"server '{server}' answered with remarks of another shape: {error}") from error
