"""What is done every few seconds beside the looking: the machine, our own memory, idle connections, figures."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from apscheduler.schedulers.asyncio import AsyncIOScheduler

from foureyes.config.settings import Resources
from foureyes.daemon.own_memory import OwnMemory
from foureyes.daemon.shedding import Shedding
from foureyes.errors.intercept import intercepted
from foureyes.servers.http.clients import Clients
from foureyes.telemetry.history import History
from foureyes.telemetry.log import event
from foureyes.telemetry.report import Report

_MB = 1e6
_SAVE_S = 10
"""What a crash loses of the history of requests."""


class Upkeep:
    """The periodic jobs of one daemon."""

    def __init__(
        self,
        settings: Resources,
        shedding: Shedding,
        memory: OwnMemory,
        clients: Clients,
        report: Report,
        history: History,
    ) -> None:
        self._settings = settings
        self._shedding = shedding
        self._memory = memory
        self._clients = clients
        self._history = history
        self._watched = intercepted(report, "upkeep")  # the scheduler would only log what a job raises

    @contextmanager
    def running(self) -> Iterator[None]:
        """Do them while inside."""
        scheduler, check_s = AsyncIOScheduler(), self._settings.check_s
        scheduler.add_job(
            self._watched(self._shedding.sample), "interval", seconds=self._settings.sample_s, id="machine"
        )
        scheduler.add_job(self._watched(self._memory.check), "interval", seconds=check_s, id="memory")
        scheduler.add_job(self._watched(self._clients.close_idle), "interval", seconds=check_s, id="idle clients")
        scheduler.add_job(self._watched(self._note_sizes), "interval", seconds=check_s, id="sizes")
        scheduler.add_job(self._watched(self._save_history), "interval", seconds=_SAVE_S, id="history")
        scheduler.start()
        try:
            yield
        finally:
            scheduler.shutdown(wait=False)

    async def _save_history(self) -> None:
        await asyncio.to_thread(self._history.save)

    def _note_sizes(self) -> None:
        if (use := self._shedding.use) is None:
            return
        sizes: dict[str, Any] = {f"{name}_mb": round(tree.rss_bytes / _MB) for name, tree in use.trees.items()}
        free_mb = round(use.available_bytes / _MB)
        event("memory.sizes", "resident memory", level="debug", available_mb=free_mb, **sizes)
