"""How a configured server is brought up: our own engine as a child, or one that is there already."""

from __future__ import annotations

from foureyes.config.settings import EngineServer
from foureyes.exceptions import ServerError
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


class AttachedEngine:
    """An engine that somebody else runs: never stopped by us."""

    def __init__(self, settings: EngineServer, url: str) -> None:
        self._settings = settings
        self._url = url

    async def start(self, timeout_s: float) -> tuple[ModelServer, Child | None]:  # noqa: ARG002 - nothing to wait for
        """See that it answers."""
        engine = Engine(self._settings.id, self._url)
        try:
            await engine.check_alive()
        except ServerError:
            await engine.aclose()
            raise
        return engine, None


def launch_for(settings: EngineServer) -> Launch:
    """The launch of a configured server."""
    return AttachedEngine(settings, settings.url) if settings.url else OwnEngine(settings)
