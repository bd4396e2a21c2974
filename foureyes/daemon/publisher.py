"""Where a reading goes once it is published: the latest of each task, files, live events and metrics."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any, Literal

from foureyes.daemon.steps import StepHistory
from foureyes.outputs.live import LiveEvents
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.traces import Traces
from foureyes.vision.reading import Reading

Sink = Callable[[Mapping[str, Any]], None]
"""Takes one reading as JSON values; must not block."""


class Publisher:
    """Hands every reading to every sink, in order. Nothing here waits."""

    def __init__(
        self,
        live: LiveEvents,
        metrics: Metrics,
        sinks: Sequence[Sink],
        *,
        readings_on: Literal["look", "change"],
        history: StepHistory,
        traces: Traces,
        every: Sequence[Sink] = (),
    ) -> None:
        """`every` get each reading, whatever `readings_on` says."""
        self._live = live
        self._metrics = metrics
        self._sinks = tuple(sinks)
        self._every = tuple(every)
        self._on_change_only = readings_on == "change"
        self._history = history
        self._traces = traces
        self._latest: dict[tuple[str, str], Reading] = {}

    def publish(self, reading: Reading) -> None:
        """Publish one reading."""
        before = self._latest.get((reading.source, reading.task))
        self._latest[reading.source, reading.task] = reading
        age_s = None if reading.age_ms is None else reading.age_ms / 1000
        origin, fallback = reading.origin or "none", reading.fallback
        self._metrics.look(reading.task, reading.source, origin, age_s=age_s, fallback=fallback)
        changed = before is None or (before.values, before.withheld) != (reading.values, reading.withheld)
        self._history.add(reading)
        self._traces.outcome(reading.frame_id, reading.task, reading)
        document = reading.as_dict()
        for sink in (*self._every, *(self._sinks if changed or not self._on_change_only else ())):
            sink(document)
        self._live.publish("reading", {**document, "changed": changed})

    def forget(self, gone: Iterable[tuple[str, str]]) -> None:
        """Have no latest reading of these any more, each named by its source and its task."""
        gone = list(gone)
        self._history.forget(gone)
        for key in gone:
            self._latest.pop(key, None)

    def latest(self) -> list[Reading]:
        """The last reading of each source and task."""
        return [self._latest[key] for key in sorted(self._latest)]
