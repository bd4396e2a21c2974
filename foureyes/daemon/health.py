"""What the daemon says of itself: one truth for /health, /ready, the page and `foureyes status`."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from foureyes import __version__
from foureyes.alerts.alerting import Alerting
from foureyes.daemon.changes import Changes
from foureyes.daemon.components import (
    Component,
    link_component,
    server_component,
    source_component,
    summary,
    task_component,
)
from foureyes.daemon.composition import Composition
from foureyes.daemon.own_memory import OwnMemory
from foureyes.daemon.publisher import Publisher
from foureyes.daemon.reloads import Reloads
from foureyes.daemon.shedding import Shedding
from foureyes.errors.plain import stamp
from foureyes.errors.recorder import FaultRecorder
from foureyes.outputs.live import LiveEvents
from foureyes.outputs.mqtt import MqttOutput
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.resources import available_bytes, process_use
from foureyes.telemetry.words import QUIET, Word
from foureyes.vision.plan import Plan
from foureyes.vision.router import Router
from foureyes.vision.task_watch import TaskWatch

if TYPE_CHECKING:
    from foureyes.errors.mongo import MongoWriter


class DaemonHealth:
    """Read-only view of a running daemon."""

    def __init__(
        self,
        composition: Composition,
        reloads: Reloads,
        publisher: Publisher,
        metrics: Metrics,
        live: LiveEvents,
        *,
        shedding: Shedding,
        memory: OwnMemory,
        faults: FaultRecorder,
        mongo: MongoWriter | None,
        changes: Changes,
        alerts: Alerting,
        mqtt: MqttOutput | None,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.live = live
        self._composition = composition
        self._reloads = reloads
        self._router = Router(composition.servers)
        self._publisher = publisher
        self._metrics = metrics
        self._shedding = shedding
        self._memory_watch = memory
        self._faults = faults
        self._mongo = mongo
        self._now = now
        self._changes = changes
        self._alerts = alerts
        self._mqtt = mqtt
        self._started_mono_s = now()
        self._started_at = datetime.now(UTC)
        self._scrape = asyncio.Lock()

    def health(self) -> dict[str, Any]:
        """Status, uptime, memory, connections, version and every component's state."""
        components = self.components()
        return {
            "status": self._status(components),
            "at": stamp(datetime.now(UTC)),
            "summary": summary(components),
            "uptime_s": round(self._now() - self._started_mono_s, 1),
            "started_at": self._started_at.isoformat(timespec="seconds"),
            "memory": self._memory(),
            "connections": self.live.subscribers,
            "version": __version__,
            "substitutions": self._composition.notes,
            "config": self._reloads.document(),
            "components": components,
        }

    async def follow(self) -> None:
        """Notice for ever how the parts stand, so that a change is told when nobody asks."""
        await self._changes.run(self.components)

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether every task has one warmed candidate, and which tasks have none."""
        waiting = sorted({plan.task for plan in self._plans() if self._router.choose(plan) is None})
        return not waiting, {"ready": not waiting, "waiting_for": waiting}

    async def status(self) -> dict[str, Any]:
        """Health, figures and the latest readings: what an operator wants at a glance."""
        figures = await asyncio.to_thread(self._metrics.snapshot)  # of many sources it would hold up the clock
        use = self._shedding.use
        return {
            **self.health(),
            "ready": self.ready()[0],
            "machine": None if use is None else asdict(use),
            "targets": self._targets(figures),
            "alerts": self._alerts.document(),
            "figures": figures,
        }

    def _targets(self, figures: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
        """Each task's latency beside its target, and whether it is met: null where nothing was measured."""
        return {
            plan.task: _against(plan.latency_target_ms, figures["quantiles"].get(f"latency_ms/{plan.task}"))
            for plan in self._plans()
        }

    def readings(self) -> list[dict[str, Any]]:
        """The latest reading of each source and task, with its age now."""
        now = datetime.now(UTC)
        return [
            {**reading.as_dict(), "age_now_ms": _age_ms(now, reading.read_at)}
            for reading in self._publisher.latest()
        ]

    async def metrics(self) -> tuple[bytes, str]:
        """Prometheus text and its content type."""
        async with self._scrape:  # one at a time: another's words would be cleared while they are written
            components = self.components()
            words = {name: part["state"] for name, part in components.items()}
            self._metrics.health(self._status(components), words)
            return await asyncio.to_thread(self._metrics.render)

    def _plans(self) -> list[Plan]:
        return [task.plan for task in self._composition.tasks]

    def _status(self, components: Mapping[str, Component]) -> str:
        states = {component["state"] for component in components.values()}
        sources = {part["state"] for name, part in components.items() if name.startswith("source:")}
        if states <= QUIET | {Word.PAUSED}:
            return Word.PAUSED if Word.PAUSED in sources and sources <= {Word.PAUSED, Word.ENDED} else Word.OK
        seeing = bool(sources & {Word.OK, Word.PAUSED})
        if seeing and self.ready()[0]:
            return Word.DEGRADED
        return Word.STARTING if Word.STARTING in states else Word.FAILING

    def components(self) -> dict[str, dict[str, Any]]:
        """Every part by its name: its word, since when and why, and its own figures."""
        watches, servers, tasks = self._composition.watches, self._composition.servers, self._composition.tasks
        sources = {f"source:{name}": source_component(watch) for name, watch in watches.items()}
        now_s = self._now()
        return self._changes.note(
            {
                **sources,
                **{f"server:{name}": server_component(server, now_s) for name, server in servers.items()},
                **{f"task:{task.plan.source}/{task.plan.task}": _task(task, sources) for task in tasks},
                "machine": self._shedding.component(),
                "memory": self._memory_watch.component(),
                "errors": self._errors(),
                "mongo": {"state": Word.OFF} if self._mongo is None else link_component(self._mongo.component()),
                "alerts": self._alerts.component(),
                "mqtt": {"state": Word.OFF} if self._mqtt is None else self._mqtt.component(),
            }
        )

    def _errors(self) -> dict[str, Any]:
        trouble = self._faults.trouble
        return {"state": Word.OK if trouble is None else Word.FAILING, "reason": trouble}

    def _memory(self) -> dict[str, Any]:
        use = self._shedding.use  # to go through all processes here would hold up the clock
        trees = {} if use is None else use.trees
        return {
            "resident_bytes": process_use().rss_bytes,
            "servers": {name: tree.rss_bytes for name, tree in trees.items() if name in self._composition.servers},
            "available_bytes": available_bytes(),
        }


def _task(task: TaskWatch, sources: Mapping[str, Component]) -> dict[str, Any]:
    return task_component(task, sources[f"source:{task.plan.source}"], task.choices())


def _against(target_ms: float | None, measured: Mapping[str, float] | None) -> dict[str, Any]:
    p95_ms = measured["p95"] if measured else None
    met = None if target_ms is None or p95_ms is None else p95_ms <= target_ms
    return {"target_ms": target_ms, "p95_ms": p95_ms, "met": met}


def _age_ms(now: datetime, read_at: datetime | None) -> float | None:
    return None if read_at is None else round((now - read_at).total_seconds() * 1000, 1)
