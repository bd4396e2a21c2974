"""The HTTP server inside the daemon: its socket, and uvicorn without signal handlers of its own."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import socket
from collections.abc import Iterator

import psutil
import uvicorn
from fastapi import FastAPI

from foureyes.exceptions import PortTakenError, UsageError
from foureyes.web.patience import Patience

_TRIES = 20
_GRACE_S = 0.5
_STOP_WITHIN_S = 2
_PATIENCE_S = 60.0
_WAITING = 1024
"""Connections that the kernel holds until we come to them."""
_ACCEPTED_AT_ONCE = 16
"""Of those, in one turn of the loop, so that a crowd of clients does not hold up the frames' clock."""


def bind(host: str, port: int | None, default: int) -> socket.socket:
    """Listen on a port that was asked for, else on the default or the next free one behind it.

    Raises PortTakenError naming the holder, and UsageError where the address cannot be used at all.
    """
    candidates = [port] if port is not None else range(default, default + _TRIES + 1)
    for candidate in candidates:
        try:
            return _listening(host, candidate)
        except OSError as error:
            if error.errno != errno.EADDRINUSE:
                reason = (error.strerror or str(error)).lower()
                message = (
                    f"cannot listen on port {candidate} of {host}: {reason}; choose another (web.host, web.port)"
                )
                raise UsageError(message) from error
    wanted = port if port is not None else f"{default} to {default + _TRIES}"
    holder = _holder(port) if port is not None else "other programs"
    raise PortTakenError(f"port {wanted} of {host} is taken by {holder}; stop it, or choose another (web.port)")


def _listening(host: str, port: int) -> socket.socket:
    family = socket.AF_INET6 if ":" in host else socket.AF_INET
    listener = socket.socket(family, socket.SOCK_STREAM)
    try:
        if hasattr(socket, "SO_EXCLUSIVEADDRUSE"):  # Windows, where SO_REUSEADDR would share the port
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_EXCLUSIVEADDRUSE, 1)
        else:
            listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        listener.bind((host, port))
        listener.listen(_WAITING)
    except OSError:
        listener.close()
        raise
    return listener


def _holder(port: int) -> str:
    with contextlib.suppress(psutil.Error):
        for connection in psutil.net_connections("tcp"):
            if connection.status == psutil.CONN_LISTEN and connection.laddr and connection.laddr.port == port:
                if connection.pid is None:
                    break
                return f"{psutil.Process(connection.pid).name()} (process {connection.pid})"
    return "another program"


class _Uvicorn(uvicorn.Server):
    """Uvicorn as a part of a program: signals are the program's."""

    @contextlib.contextmanager
    def capture_signals(self) -> Iterator[None]:
        """Leave the signals alone."""
        yield


class WebServer:
    """One application on one socket, inside the running event loop."""

    def __init__(self, app: FastAPI, listener: socket.socket, patience_s: float = _PATIENCE_S) -> None:
        """A client that neither sends nor reads for `patience_s` where it is its turn is cut off."""
        config = uvicorn.Config(
            app,
            log_config=None,
            access_log=False,
            lifespan="off",
            server_header=False,
            ws="none",
            backlog=_ACCEPTED_AT_ONCE,
            timeout_graceful_shutdown=_STOP_WITHIN_S,
            limit_concurrency=600,
        )
        self._app = app
        self._server = _Uvicorn(config)
        self._listener = listener
        self._serving: asyncio.Task[None] | None = None
        self._patience = Patience(lambda: self._server.server_state.connections, patience_s)
        self._waiting: asyncio.Task[None] | None = None

    async def start(self) -> None:
        """Serve in a task of its own; returns once requests are answered."""
        self._serving = asyncio.create_task(self._server.serve([self._listener]), name="web")
        while not self._server.started and not self._serving.done():  # noqa: ASYNC110 - uvicorn has no event for it
            await asyncio.sleep(0.01)
        self._listener.listen(_WAITING)  # asyncio has one number for both
        self._waiting = asyncio.create_task(self._patience.run(), name="web patience")

    async def stop(self) -> None:
        """Stop within two seconds: listeners are let go, and a client that does not read is cut off."""
        if self._waiting is not None:
            self._waiting.cancel()
        self._server.should_exit = True
        self._app.state.live.close()
        if self._serving is None:
            return
        _, waiting = await asyncio.wait([self._serving], timeout=_GRACE_S)
        if waiting:
            for connection in list(self._server.server_state.connections):
                connection.transport.abort()
            await asyncio.wait([self._serving], timeout=_STOP_WITHIN_S)
