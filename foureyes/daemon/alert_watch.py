"""What alerts look at: snapshots of a running daemon, in the words of /health."""

from __future__ import annotations

import asyncio
import shutil
import time
from collections.abc import Callable, Mapping
from collections.abc import Set as AbstractSet
from datetime import UTC, datetime
from pathlib import Path

from foureyes.alerts.snapshot import PartSeen, RequestsSeen, Snapshot, TaskSeen
from foureyes.daemon.components import Component
from foureyes.daemon.composition import Composition
from foureyes.daemon.publisher import Publisher
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.resources import available_bytes
from foureyes.telemetry.words import QUIET, Word

_MB = 1e6


class AlertWatch:
    """Makes snapshots; asks nobody over a network."""

    def __init__(
        self,
        composition: Composition,
        publisher: Publisher,
        metrics: Metrics,
        state_dir: Path,
        components: Callable[[], Mapping[str, Component]],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        """`components` gives those of /health."""
        self._composition = composition
        self._publisher = publisher
        self._metrics = metrics
        self._state_dir = state_dir
        self._components = components
        self._now = now

    async def snapshot(self) -> Snapshot:
        """The daemon now."""
        free_mb = await asyncio.to_thread(self._disk_free_mb)
        self._metrics.machine.state_free(None if free_mb is None else free_mb * _MB)
        components, now_s = self._components(), self._now()
        memory = components["memory"]
        return Snapshot(
            mono_s=now_s,
            at=datetime.now(UTC),
            sources={name: self._source(name, part, now_s) for name, part in _of("source", components)},
            servers={name: _server(part) for name, part in _of("server", components)},
            tasks=self._tasks(components),
            requests=self._requests(),
            disk_free_mb=free_mb,
            memory_available_mb=available_bytes() / _MB,
            own_memory=None if memory["state"] in QUIET else memory["reason"],
        )

    def _source(self, name: str, part: Component, now_s: float) -> PartSeen:
        """Since when it is offline is told by its last progress, not by when that was noticed."""
        camera = self._composition.watches[name].camera_state
        since_s = {Word.BLIND: camera.since_progress_s, Word.FROZEN: camera.since_change_s}.get(part["state"])
        return PartSeen(part["state"], part["reason"], 0.0 if since_s is None else since_s(now_s))

    def _tasks(self, components: Mapping[str, Component]) -> list[TaskSeen]:
        values = {(reading.source, reading.task): reading.values for reading in self._publisher.latest()}
        coming = {name for name, part in _of("server", components) if part["state"] == Word.STARTING}
        return [
            _task(source, task, part, coming, values.get((source, task)))
            for (source, _, task), part in ((name.partition("/"), part) for name, part in _of("task", components))
        ]

    def _requests(self) -> dict[str, RequestsSeen]:
        targets = {task.plan.task: task.plan.latency_target_ms for task in self._composition.tasks}
        return {
            task: RequestsSeen(target_ms, self._metrics.requests_ended(task))
            for task, target_ms in targets.items()
        }

    def _disk_free_mb(self) -> float | None:
        try:
            return shutil.disk_usage(self._state_dir).free / _MB
        except OSError:  # it is not known then; who writes there says why
            return None


def _of(kind: str, components: Mapping[str, Component]) -> list[tuple[str, Component]]:
    named = ((name.partition(":"), part) for name, part in components.items())
    return [(name, part) for (its_kind, _, name), part in named if its_kind == kind]


def _server(part: Component) -> PartSeen:
    """What it is brought back from says more than which step of that is taken now."""
    now, cause = part["reason"], part["cause"]
    return PartSeen(part["state"], now if cause is None or cause in now else f"{cause}; now: {now}")


def _task(
    source: str, task: str, part: Component, coming: AbstractSet[str], values: Mapping[str, object] | None
) -> TaskSeen:
    """One whose server comes up for the first time is not blind yet."""
    away = dict.fromkeys(each["server"] for each in part["candidates"] if each["why_not"] is not None)
    waits = part["state"] == Word.BLIND and not coming.isdisjoint(away)
    word = Word.STARTING if waits else part["state"]
    return TaskSeen(task, source, word, part["reason"], tuple(away), values)
