"""How a configured server is brought up: our own engine, a command of the configuration, or one that is there."""

from __future__ import annotations

import asyncio
import contextlib
import socket
from collections.abc import Callable, Sequence
from pathlib import Path
from urllib.parse import urlsplit, urlunsplit

from foureyes.config.settings import PORT, EngineServer, LmStudioServer, Server
from foureyes.exceptions import ServerError, StrangerError, UnauthorisedError
from foureyes.servers.http.clients import Clients
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.instance import OwnedProcess
from foureyes.servers.kinds.adapters import adapter_for
from foureyes.servers.kinds.engine import Engine, command
from foureyes.servers.kinds.stranger import looks_of
from foureyes.servers.process.child import Child
from foureyes.servers.process.lmstudio_daemon import LmStudioDaemon
from foureyes.servers.readiness import until_ready
from foureyes.servers.server import ModelServer
from foureyes.servers.supervisor import Launch
from foureyes.telemetry.log import event

Dropped = Callable[[str, str], None]
"""Counts something that was dropped: where, and why."""

_CONNECT_TIMEOUT_S = 1.0


class OwnEngine:
    """An engine of our own: we start it, so we may stop it."""

    can_overlap = True
    owns_process = True
    only_asks = False

    def __init__(self, settings: EngineServer, clients: Clients, dropped: Dropped, taught: Path | None) -> None:
        self._settings = settings
        self._taught = taught
        self._clients = clients
        self._dropped = dropped

    async def start(self, failures: int) -> tuple[ModelServer, OwnedProcess | None]:  # noqa: ARG002 - a process is always new
        """Start the child and wait for the port that it says it listens on."""
        arguments = command(port=0, threads=self._settings.threads, taught=self._taught)
        child = await Child.start(self._settings.id, arguments, self._dropped)
        try:
            port = await child.port(self._settings.start_timeout_s)
        except BaseException:  # also a cancelled start leaves no child behind
            await child.stop()
            raise
        return Engine(self._settings.id, f"http://127.0.0.1:{port}", self._clients), child


class OwnCommand:
    """A server that the configuration gives a command for."""

    owns_process = True
    only_asks = False

    def __init__(
        self, settings: Server, url: str, arguments: Sequence[str], clients: Clients, dropped: Dropped
    ) -> None:
        self.can_overlap = any(PORT in argument for argument in arguments)
        self._settings = settings
        self._url = url
        self._arguments = tuple(arguments)
        self._clients = clients
        self._dropped = dropped

    async def start(self, failures: int) -> tuple[ModelServer, OwnedProcess | None]:  # noqa: ARG002 - a process is always new
        """Start the command on a port that nobody has, and wait until it takes requests."""
        url = await self._free_url()
        port = str(urlsplit(url).port)
        arguments = [part.replace(PORT, port) for part in self._arguments]
        child = await Child.start(self._settings.id, arguments, self._dropped)
        try:
            server = await until_ready(self._settings, lambda: self._connect(url), child)
        except BaseException:
            await child.stop()
            raise
        return server, child

    async def _connect(self, url: str) -> ModelServer:
        return await adapter_for(self._settings, url, self._clients)

    async def _free_url(self) -> str:
        """The configured url, or the next free port where a stranger has that one. Raises StrangerError."""
        if not await _answers(self._url):
            return self._url
        if not self.can_overlap:
            raise StrangerError(
                f"another program listens at {self._url} ({await self._holder()}), where the command of server "
                f"'{self._settings.id}' shall listen; stop it, or write {PORT} for the port in the command"
            )
        free = _with_port(self._url, _free_port())
        text = f"{self._url} is taken ({await self._holder()}); server '{self._settings.id}' gets {free}"
        event("server.port_taken", text, level="warning", server=self._settings.id)
        return free

    async def _holder(self) -> str:
        """Who has the port, by what it answers."""
        try:
            return await looks_of(ServerHttp(self._settings.id, self._url, self._clients))
        except ServerError as error:
            return str(error)


class Attached:
    """A server that somebody else runs: never stopped by us."""

    can_overlap = False
    owns_process = False
    only_asks = True

    def __init__(self, settings: Server, url: str, clients: Clients) -> None:
        self._settings = settings
        self._url = url
        self._clients = clients

    async def start(self, failures: int) -> tuple[ModelServer, OwnedProcess | None]:  # noqa: ARG002 - nothing of it is ours to start
        """See that it answers: now, since to ask again costs nothing."""
        server: ModelServer = await adapter_for(self._settings, self._url, self._clients)
        try:
            await server.check_ready()
        except UnauthorisedError:
            return server, None  # whoever refuses a token is there
        except BaseException:
            await server.aclose()
            raise
        return server, None


def launch_for(settings: Server, clients: Clients, dropped: Dropped, taught: Path | None = None) -> Launch:
    """The launch of a configured server; an engine of ours is told the folder of taught pictures."""
    if isinstance(settings, EngineServer):
        return (
            OwnEngine(settings, clients, dropped, taught)
            if settings.url is None
            else Attached(settings, settings.url, clients)
        )
    if isinstance(settings, LmStudioServer) and settings.own == "daemon":
        return LmStudioDaemon(settings, lambda: adapter_for(settings, settings.url, clients))
    if settings.command is not None:
        return OwnCommand(settings, settings.url, settings.command, clients, dropped)
    return Attached(settings, settings.url, clients)


async def _answers(url: str) -> bool:
    parts = urlsplit(url)
    with contextlib.suppress(OSError, TimeoutError):
        async with asyncio.timeout(_CONNECT_TIMEOUT_S):
            _, writer = await asyncio.open_connection(parts.hostname, parts.port or 80)
        writer.close()
        return True
    return False


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def _with_port(url: str, port: int) -> str:
    parts = urlsplit(url)
    host = f"[{parts.hostname}]" if ":" in (parts.hostname or "") else parts.hostname
    return urlunsplit(parts._replace(netloc=f"{host}:{port}"))
