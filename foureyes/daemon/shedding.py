"""Load shedding: under pressure FourEyes asks less of the machine, step by step, and comes back by itself."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Iterable, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import asdict
from typing import Any
from weakref import WeakKeyDictionary

from foureyes.daemon.parking import Served, Stock, parked
from foureyes.servers.supervisor import Supervisor
from foureyes.telemetry.log import event
from foureyes.telemetry.machine import Machine, MachineUse
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.pressure import Level, Pressure, Sample
from foureyes.telemetry.resources import job_root
from foureyes.telemetry.words import Word
from foureyes.vision.plan import Plan
from foureyes.vision.task_watch import TaskWatch

_EVERY = 3
"""Under pressure each task takes every third look; the capture clock never changes."""
_DONE = {
    Level.NORMAL: "every look is taken, by each task's best model",
    Level.LOWER_CADENCE: f"of {_EVERY} looks one is taken",
    Level.SMALLER_MODEL: f"of {_EVERY} looks one is taken, by each task's smallest model",
    Level.ENGINE: f"of {_EVERY} looks one is taken, by the engine where a task has it",
}
_MB = 1e6


class Shedding:
    """Samples the machine and acts on the level of pressure that follows."""

    def __init__(
        self,
        pressure: Pressure,
        *,
        tasks: Callable[[], Iterable[TaskWatch]],
        servers: Callable[[], Mapping[str, Supervisor]],
        metrics: Metrics,
        tell: Callable[[str, Mapping[str, Any]], None],
    ) -> None:
        self.use: MachineUse | None = None
        """The last sample."""
        self._machine = Machine()
        self._pressure = pressure
        self._tasks = tasks
        self._servers = servers
        self._metrics = metrics
        self._tell = tell
        self._parked: frozenset[Served] = frozenset()
        self._told: WeakKeyDictionary[Supervisor, frozenset[str]] = WeakKeyDictionary()
        """What each server was told to do without: another one may come to have its name."""
        self._sizes: dict[Served, int] = {}

    async def sample(self) -> None:
        """Look at the machine once, and act on what was seen."""
        use = self.use = await asyncio.to_thread(self._machine.sample, self._roots())
        self._metrics.machine.use(use)
        before = self._pressure.level
        seen = Sample(use.available_bytes / _MB, use.cpu_percent, use.others_percent)
        level = self._pressure.observe(seen, return_needs_mb=self._return_needs_mb())
        self._act(level)
        if level is not before:
            self._say(before, level)

    def _roots(self) -> dict[str, int]:
        pids = {name: server.snapshot.pid for name, server in self._servers().items()}
        servers = {name: job_root(pid) for name, pid in pids.items() if pid is not None}
        return {"daemon": os.getpid(), **servers}

    def component(self) -> dict[str, Any]:
        """How the machine stands and what was done about it, for /health."""
        level = self._pressure.level
        well = level is Level.NORMAL and self._pressure.reason is None
        return {
            "state": Word.OK if well else Word.DEGRADED,
            "reason": None if well else self._words(level),
            "level": level.name.lower(),
            "parked": ["/".join(served) for served in sorted(self._parked)],
            "gpus": None if self.use is None or self.use.gpus is None else [asdict(gpu) for gpu in self.use.gpus],
        }

    def _act(self, level: Level) -> None:
        for task in self._tasks():
            task.slow_down(_EVERY if level >= Level.LOWER_CADENCE else 1)
        wanted = self._to_park(level)
        # what is parked is unloaded before anything is loaded into the memory that it leaves
        servers = self._servers()
        for name in sorted(servers, key=lambda name: not _of(name, wanted - self._parked)):
            self._park(servers[name], _of(name, wanted))
        self._parked = wanted

    def _park(self, server: Supervisor, models: frozenset[str]) -> None:
        if self._told.get(server, frozenset()) != models:
            self._told[server] = models
            server.park(models)

    def spare(self, fresh: Mapping[str, Supervisor], plans: Iterable[Plan]) -> None:
        """Have servers that are yet to start do without what is parked now of these tasks' models."""
        wanted = self._to_park(self._pressure.level, plans)
        for name, server in fresh.items():
            self._park(server, _of(name, wanted))

    def _to_park(self, level: Level, plans: Iterable[Plan] | None = None) -> frozenset[Served]:
        """What these tasks do without, or those that are watched now."""
        plans = [task.plan for task in self._tasks()] if plans is None else list(plans)
        seconds = [plan.second for plan in plans if plan.second is not None]
        return parked(level, [plan.candidates for plan in plans], self._stock(), seconds)

    def _stock(self) -> Stock:
        usable: set[Served] = set()
        for name, server in self._servers().items():
            snapshot = server.snapshot
            self._sizes |= {(name, model_id): size for model_id, size in snapshot.sizes.items()}
            if snapshot.ready:
                could_answer = {*snapshot.models, *_of(name, self._parked)} - snapshot.missing.keys()
                usable |= {(name, model_id) for model_id in could_answer}
        return Stock(usable, self._sizes)

    def _return_needs_mb(self) -> float:
        """What one level less would load again."""
        level = self._pressure.level
        if level is Level.NORMAL:
            return 0.0
        loaded_again = self._parked - self._to_park(Level(level - 1))
        return sum(self._sizes.get(served, 0) for served in loaded_again) / _MB

    def _say(self, before: Level, level: Level) -> None:
        self._metrics.machine.pressure(level)
        words = self._words(level)
        self._tell("pressure", {"before": before.name.lower(), "level": level.name.lower(), "reason": words})
        event(
            "machine.pressure",
            words,
            level="warning" if level > before else "info",
            pressure=level.name.lower(),
            parked=["/".join(served) for served in sorted(self._parked)],
        )

    def _words(self, level: Level) -> str:
        why = self._pressure.reason or "nothing is short any more"
        return f"{why}: {_DONE[level]}"


def _of(server: str, models: AbstractSet[Served]) -> frozenset[str]:
    """The ids of a server's models among these."""
    return frozenset(model_id for name, model_id in models if name == server)
