"""What the daemon says of itself: one truth for /health, /ready, the page and `foureyes status`."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import asdict
from datetime import UTC, datetime
from typing import TYPE_CHECKING, Any

from foureyes import __version__
from foureyes.daemon.composition import Composition
from foureyes.daemon.own_memory import OwnMemory
from foureyes.daemon.publisher import Publisher
from foureyes.daemon.reloads import Reloads
from foureyes.daemon.shedding import Shedding
from foureyes.errors.recorder import FaultRecorder
from foureyes.outputs.live import LiveEvents
from foureyes.servers.supervisor import Supervisor
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.resources import available_bytes, process_use
from foureyes.vision.plan import Plan
from foureyes.vision.router import Router
from foureyes.vision.source_watch import SourceWatch
from foureyes.vision.task_watch import TaskWatch

if TYPE_CHECKING:
    from foureyes.errors.mongo import MongoWriter

_PROBE_PERIODS = 2
"""A server whose last real answer is older than so many probe periods is unknown, never green."""


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
        self._started_mono_s = now()
        self._started_at = datetime.now(UTC)

    def health(self) -> dict[str, Any]:
        """Status, uptime, memory, connections, version and every component's state."""
        components = self._components()
        return {
            "status": self._status(components),
            "uptime_s": round(self._now() - self._started_mono_s, 1),
            "started_at": self._started_at.isoformat(timespec="seconds"),
            "memory": self._memory(),
            "connections": self.live.subscribers,
            "version": __version__,
            "substitutions": self._composition.notes,
            "config": self._reloads.document(),
            "components": components,
        }

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether every task has one warmed candidate, and which tasks have none."""
        waiting = sorted({plan.task for plan in self._plans() if self._router.choose(plan) is None})
        return not waiting, {"ready": not waiting, "waiting_for": waiting}

    def status(self) -> dict[str, Any]:
        """Health, figures and the latest readings: what an operator wants at a glance."""
        figures = self._metrics.snapshot()
        use = self._shedding.use
        return {
            **self.health(),
            "ready": self.ready()[0],
            "machine": None if use is None else asdict(use),
            "targets": self._targets(figures),
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

    def metrics(self) -> tuple[bytes, str]:
        """Prometheus text and its content type."""
        return self._metrics.render()

    def _plans(self) -> list[Plan]:
        return [task.plan for task in self._composition.tasks]

    def _status(self, components: Mapping[str, Mapping[str, Any]]) -> str:
        states = [component["state"] for component in components.values()]
        if all(state in {"ok", "ended", "off"} for state in states):
            return "ok"
        seeing = any(
            component["state"] == "ok" for name, component in components.items() if name.startswith("source")
        )
        if seeing and self.ready()[0]:
            return "degraded"
        return "starting" if "starting" in states else "failing"

    def _components(self) -> dict[str, dict[str, Any]]:
        watches, servers_now = self._composition.watches, self._composition.servers
        sources = {f"source:{name}": self._source(watch) for name, watch in watches.items()}
        servers = {f"server:{name}": self._server(server) for name, server in servers_now.items()}
        tasks = {f"task:{task.plan.source}/{task.plan.task}": self._task(task) for task in self._composition.tasks}
        return sources | servers | tasks | self._machine()

    def _machine(self) -> dict[str, dict[str, Any]]:
        return {
            "machine": self._shedding.component(),
            "memory": self._memory_watch.component(),
            "errors": self._errors(),
            "mongo": {"state": "off"} if self._mongo is None else self._mongo.component(),
        }

    def _errors(self) -> dict[str, Any]:
        trouble = self._faults.trouble
        return {"state": "ok" if trouble is None else "failing", "reason": trouble}

    def _task(self, task: TaskWatch) -> dict[str, Any]:
        state, reason = ("ok" if task.looked else "starting"), None
        if task.trouble is not None:
            state, reason = "failing", task.trouble
        elif self._router.choose(task.plan) is None:
            state, reason = "no_model", "no candidate's server is ready"
        return {"state": state, "reason": reason}

    def _source(self, watch: SourceWatch) -> dict[str, Any]:
        camera, stalled = watch.camera_state, watch.stall()
        state = "ended" if watch.done else "starting" if camera.frames == 0 else "ok"
        if stalled is not None and not watch.done:
            state = "blind"
        return {
            "state": state,
            "cause": stalled.cause if stalled else None,
            "reason": stalled.text if stalled else camera.error,
            "kind": camera.kind,
            "watching": camera.description,
            "frames": camera.frames,
            "last_frame_at": camera.last_frame_at.isoformat() if camera.last_frame_at else None,
        }

    def _server(self, server: Supervisor) -> dict[str, Any]:
        snapshot, probed = server.snapshot, server.snapshot.probed_mono_s
        probe_age_s = None if probed is None else self._now() - probed
        state = str(snapshot.state)
        if snapshot.ready:
            is_stale = probe_age_s is None or probe_age_s > _PROBE_PERIODS * snapshot.probe_s
            is_faulty = bool(snapshot.missing) or server.is_resting
            state = "fault" if is_faulty else "unknown" if is_stale else "ok"
        resting = "it failed too often in a row, and is not asked for a while"
        return {
            "state": state,
            "reason": resting if snapshot.ready and server.is_resting else snapshot.reason,
            "url": snapshot.url,
            "pid": snapshot.pid,
            "restarts": snapshot.restarts,
            "models": list(snapshot.models),
            "missing": list(snapshot.missing.values()),
            "probe_age_s": None if probe_age_s is None else round(probe_age_s, 1),
        }

    def _memory(self) -> dict[str, Any]:
        use = self._shedding.use  # to go through all processes here would hold up the clock
        trees = {} if use is None else use.trees
        return {
            "resident_bytes": process_use().rss_bytes,
            "servers": {name: tree.rss_bytes for name, tree in trees.items() if name in self._composition.servers},
            "available_bytes": available_bytes(),
        }


def _against(target_ms: float | None, measured: Mapping[str, float] | None) -> dict[str, Any]:
    p95_ms = measured["p95"] if measured else None
    met = None if target_ms is None or p95_ms is None else p95_ms <= target_ms
    return {"target_ms": target_ms, "p95_ms": p95_ms, "met": met}


def _age_ms(now: datetime, read_at: datetime | None) -> float | None:
    return None if read_at is None else round((now - read_at).total_seconds() * 1000, 1)
