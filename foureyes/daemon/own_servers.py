"""The model servers of one command: started for it, ended with it."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from foureyes.config import Settings
from foureyes.daemon import parts
from foureyes.exceptions import ModelMissingError, ServerStartError
from foureyes.servers.http.clients import Clients
from foureyes.servers.supervisor import Supervisor
from foureyes.telemetry.metrics import Metrics


@asynccontextmanager
async def own_servers(settings: Settings, metrics: Metrics) -> AsyncIterator[dict[str, Supervisor]]:
    """The servers that the tasks need, ready. Raises ModelMissingError, ServerStartError."""
    clients = Clients()
    servers = parts.supervisors_of(settings, metrics, clients)
    running = [asyncio.create_task(server.run(), name=f"server {name}") for name, server in servers.items()]
    try:
        for server in servers.values():
            await server.settled()
            if server.snapshot.missing:
                raise ModelMissingError("; ".join(server.snapshot.missing.values()))
            if not server.snapshot.ready:
                raise ServerStartError(server.snapshot.reason)
        yield servers
    finally:
        for task in running:
            task.cancel()
        await asyncio.wait(running)
        await clients.aclose()
