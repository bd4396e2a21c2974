"""How a configured server is brought up: our own engine as a child, or one that is there already."""

from __future__ import annotations

from foureyes.config.settings import EngineServer, Server
from foureyes.exceptions import ServerError
from foureyes.servers.adapters import adapter_for
from foureyes.servers.child import Child
from foureyes.servers.engine import Engine, command
from foureyes.servers.server import ModelServer
from foureyes.servers.supervisor import Launch


class OwnEngine:
    """An engine of our own: we start it, so we may stop it."""

    def __init__(self, settings: EngineServer) -> None:
        self._settings = settings

    async def start(self, timeout_s: float) -> tuple[ModelServer, Child | None]:
        """Start the child and wait for the port that it says it listens on."""
        child = await Child.start(self._settings.id, command(port=0, threads=self._settings.threads))
        try:
            port = await child.port(timeout_s)
        except BaseException:  # also a cancelled start leaves no child behind
            await child.stop()
            raise
        return Engine(self._settings.id, f"http://127.0.0.1:{port}"), child


class Attached:
    """A server that somebody else runs: never stopped by us."""

    def __init__(self, settings: Server, url: str) -> None:
        self._settings = settings
        self._url = url

    async def start(self, timeout_s: float) -> tuple[ModelServer, Child | None]:  # noqa: ARG002 - nothing to wait for
        """See that it answers."""
        server = await adapter_for(self._settings, self._url)
        try:
            await server.check_ready()
        except ServerError:
            await server.aclose()
            raise
        return server, None


def launch_for(settings: Server) -> Launch:
    """The launch of a configured server."""
    if settings.url is not None:
        return Attached(settings, settings.url)
    return OwnEngine(settings)
