"""Which adapter speaks to a configured server."""

from __future__ import annotations

from foureyes.config.settings import EngineServer, Server
from foureyes.exceptions import ServerStartError
from foureyes.servers.clients import Clients
from foureyes.servers.engine import Engine
from foureyes.servers.server import ModelServer


async def adapter_for(settings: Server, url: str, clients: Clients) -> ModelServer:
    """The adapter of a server's kind at a URL; `auto` asks what answers there. Raises a ServerError leaf."""
    if isinstance(settings, EngineServer):
        return Engine(settings.id, url, clients)
    raise ServerStartError(f"no adapter speaks {settings.kind!r} yet")
