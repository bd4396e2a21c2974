"""Which adapter speaks to a configured server."""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Any

from foureyes.config.settings import (
    AutoServer,
    EngineServer,
    LanguageServer,
    LlamaServer,
    LmStudioServer,
    OpenAiServer,
    Server,
)
from foureyes.servers.http.bearer_token import BearerToken
from foureyes.servers.http.clients import Clients
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.kinds import llama_server, lmstudio, openai
from foureyes.servers.kinds.chat_server import ChatServer
from foureyes.servers.kinds.detect import kind_at
from foureyes.servers.kinds.dialect import Dialect
from foureyes.servers.kinds.engine import Engine
from foureyes.servers.server import ModelServer

_KINDS: dict[str, type[LmStudioServer | LlamaServer | OpenAiServer]] = {
    "lmstudio": LmStudioServer,
    "llama-server": LlamaServer,
    "openai": OpenAiServer,
}


async def adapter_for(settings: Server, url: str, clients: Clients) -> ModelServer:
    """The adapter of a server's kind at a URL, with the token that the environment has now.

    `auto` asks what answers there, and raises a ServerError leaf where nothing does that is known. The others ask
    when they are first used.
    """
    if isinstance(settings, AutoServer):
        return await _found(settings, url, clients)
    if isinstance(settings, EngineServer):
        return Engine(settings.id, url, clients)
    return _speaking(settings, _http(settings, url, clients))


async def _found(settings: AutoServer, url: str, clients: Clients) -> ModelServer:
    kind = await kind_at(_http(settings, url, clients))
    if kind == "engine":
        return Engine(settings.id, url, clients)
    given: dict[str, Any] = settings.model_dump(exclude_unset=True, exclude={"kind"})
    found = _KINDS[kind].model_validate({**given, "kind": kind})
    return _speaking(found, _http(found, url, clients))


def _speaking(settings: LmStudioServer | LlamaServer | OpenAiServer, http: ServerHttp) -> ChatServer:
    def dialect() -> Awaitable[Dialect]:
        if isinstance(settings, LmStudioServer):
            return lmstudio.dialect_at(http, settings.context_length)
        return llama_server.dialect_at(http) if isinstance(settings, LlamaServer) else openai.dialect_at(http)

    return ChatServer(settings, http, dialect)


def _http(settings: LanguageServer, url: str, clients: Clients) -> ServerHttp:
    return ServerHttp(settings.id, url, clients, BearerToken.from_environment(settings.token_env))
