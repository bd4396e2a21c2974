"""Waiting for a server that was started: once a second, longer while it makes progress; it always says why."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Awaitable, Callable
from typing import Protocol

from foureyes.config.settings import ServerSettings
from foureyes.exceptions import ServerError, ServerLoadingError, ServerStartError, UnauthorisedError
from foureyes.servers.process.child_output import ChildOutput
from foureyes.servers.process.listener import listening_ports
from foureyes.servers.server import ModelServer

_POLL_S = 1.0


class Started(Protocol):
    """The process that is to become a server."""

    pid: int
    output: ChildOutput
    """Its lines are a sign of progress."""

    async def wait(self) -> None:
        """Return when it has ended."""
        ...

    def exit_text(self) -> str:
        """How it ended."""
        ...


class Patience:
    """How long to wait: `start_timeout_s` from the last sign of progress, `load_timeout_s` at most."""

    def __init__(self, settings: ServerSettings, now: Callable[[], float] = time.monotonic) -> None:
        self._began_s = self._progress_s = now()
        self._settings = settings
        self._now = now

    def progress(self) -> None:
        """Note a sign of progress."""
        self._progress_s = self._now()

    @property
    def is_over(self) -> bool:
        """Whether to give up."""
        waited_s, since_s = self._now() - self._began_s, self._now() - self._progress_s
        return since_s >= self._settings.start_timeout_s or waited_s >= self._settings.load_timeout_s

    @property
    def waited_s(self) -> float:
        """Seconds since the beginning."""
        return self._now() - self._began_s


async def until_ready(
    settings: ServerSettings, connect: Callable[[], Awaitable[ModelServer]], process: Started | None
) -> ModelServer:
    """Return the adapter of a server that takes requests, or refuses our token: then it lives.

    Raises ServerStartError with the last reason seen and the time that passed.
    """
    patience, seen = Patience(settings), 0
    exited = asyncio.create_task(_exit(process), name=f"exit of {settings.id}")
    try:
        while True:
            try:
                return await _connected(connect)
            except ServerError as error:
                reason = error
            if isinstance(reason, ServerLoadingError) or (process is not None and process.output.seen > seen):
                patience.progress()
            seen = process.output.seen if process is not None else 0
            await asyncio.wait({exited}, timeout=_POLL_S)
            if process is not None and exited.done():
                raise ServerStartError(
                    f"server '{settings.id}' ended ({process.exit_text()}){process.output.last_words()}"
                )
            if patience.is_over:
                raise ServerStartError(_in_vain(settings, patience, reason, process)) from reason
    finally:
        exited.cancel()


async def _connected(connect: Callable[[], Awaitable[ModelServer]]) -> ModelServer:
    server = await connect()
    try:
        await server.check_ready()
    except UnauthorisedError:
        return server  # whoever refuses a token is there
    except BaseException:
        await server.aclose()
        raise
    return server


async def _exit(process: Started | None) -> None:
    await (process.wait() if process is not None else asyncio.Event().wait())


def _in_vain(settings: ServerSettings, patience: Patience, reason: ServerError, process: Started | None) -> str:
    said = f"server '{settings.id}' was not ready after {patience.waited_s:.0f} s: {reason}"
    if process is None:
        return said
    ports = ", ".join(str(port) for port in listening_ports(process.pid))
    elsewhere = f"; its process listens on port {ports}" if ports else ""
    return f"{said}{elsewhere}{process.output.last_words()}"
