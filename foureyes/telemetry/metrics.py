"""Metrics by Prometheus' conventions, in a registry of our own, and the figures of /api/status made from them."""

from __future__ import annotations

import math
import time
from collections import deque
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from functools import partial
from typing import Any

import numpy as np
from prometheus_client import (
    CONTENT_TYPE_LATEST,
    CollectorRegistry,
    Counter,
    Gauge,
    Histogram,
    disable_created_metrics,
    generate_latest,
)

from foureyes import __version__
from foureyes.telemetry.aggregates import Tokens
from foureyes.telemetry.families import Bounded
from foureyes.telemetry.machine import MachineUse

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, that nobody asks for

_KEPT = 2000
"""Samples kept for the quantiles of /api/status: about eleven minutes at 3 FPS."""
_RATE_TICKS = 31
_SHORT_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

Note = Callable[[str, str, float | None, Tokens | None], bool]
"""Takes the task, outcome, latency and tokens of one request that has ended; returns whether it has them."""


def _without_history(*_request: Any) -> bool:
    return True


class Metrics:
    """Every figure of one daemon. Methods are cheap and may be called from any thread."""

    def __init__(
        self,
        note: Note = _without_history,
        on_step: Callable[[str, float], None] = lambda _name, _seconds: None,
    ) -> None:
        """`note` is told of each request to a model, `on_step` of each step and the seconds it took."""
        self.registry = CollectorRegistry()
        self._on_step = on_step
        self._note = note
        self._frames = self._counter("frames", "frames captured", "source")
        self._missed = self._counter("missed_ticks", "deadlines that passed unused", "source")
        self._late = self._histogram("tick_lateness_seconds", "how late a look began", "source")
        self._fps = self._gauge("effective_fps", "looks a second, over the last ones", "source")
        self._up = self._gauge("source_up", "1 while the source gives pictures", "source")
        self._looks = self._counter("looks", "readings published", "task", "source", "origin")
        self._fallbacks = self._counter(
            "fallback_looks", "readings of another model than the first", "task", "source"
        )
        self._age = self._histogram("reading_age_seconds", "age of a reading when published", "task")
        self._inferences = self._counter("inferences", "requests to models", "task", "model", "outcome")
        self._inference = self._histogram("inference_seconds", "latency of answered requests", "task", "model")
        self._target = self._gauge("latency_target_seconds", "latency that a task's requests should keep", "task")
        self._tokens = self._counter("tokens", "tokens as the servers counted them", "task", "model", "kind")
        self._step = self._histogram("step_seconds", "time of one step of a frame", "step")
        self._cache = self._counter("cache_lookups", "questions to the answer cache", "task", "outcome")
        self._state = self._gauge("server_state", "1 for the state a server is in", "server", "state")
        self._requests = self._gauge("server_requests", "requests at a server or waiting", "server", "state")
        self._restarts = self._counter("server_restarts", "restarts by the state they began in", "server", "state")
        self._resident = self._gauge("resident_bytes", "resident memory", "process")
        self._cpu = self._counter("process_cpu_seconds", "CPU time used so far", "process")
        self._cpu_s: dict[str, float] = {}
        self._share = self._gauge("process_cpu_ratio", "share of all processors lately", "process")
        self._busy = self._gauge("machine_cpu_busy_ratio", "share of all processors in use lately")
        self._others = self._gauge("machine_cpu_others_ratio", "share of all processors used by other programs")
        self._available = self._gauge("machine_available_bytes", "memory that programs could still have")
        self._whole = self._gauge("machine_memory_bytes", "memory of the machine or of our control group")
        for unmeasured in (self._busy, self._others, self._available, self._whole):
            unmeasured.set(math.nan)  # nought would be a lie
        self._gpu_busy = self._gauge("gpu_busy_ratio", "how busy a graphics card is", "gpu")
        self._gpu_used = self._gauge("gpu_memory_used_bytes", "memory of a graphics card in use", "gpu")
        self._gpu_whole = self._gauge("gpu_memory_bytes", "memory of a graphics card", "gpu")
        self._pressure = self._gauge("pressure_level", "0 normal, 1 lower cadence, 2 smaller model, 3 engine")
        self._whole_state = self._gauge("health_state", "1 for the word of /health for the whole", "state")
        self._part_state = self._gauge(
            "component_state", "1 for the word of /health for a part", "component", "state"
        )
        self._streams = self._gauge("event_streams", "listeners of the live events")
        self._reloads, self._deliveries = (
            self._counter("config_reloads", "reloads of the configuration", "outcome"),
            self._counter("alert_deliveries", "attempts to deliver a notice", "channel", "outcome"),
        )
        self._limit = self._gauge("memory_limit_bytes", "what the daemon's own memory is held against")
        self._faults = self._counter("faults", "recorded exceptions", "component", "severity")
        self._outbox = self._gauge("error_outbox", "recorded faults that MongoDB has not got")
        self._dead_letters = self._gauge("error_dead_letters", "recorded faults that MongoDB refused for good")
        dropped = ("dropped", "everything that was ever dropped", ("where", "reason"))
        self._dropped = Bounded(Counter(*dropped, registry=self.registry))
        self._gauge("build_info", "the running version", "version").labels(__version__).set(1)
        self._gauge("start_time_seconds", "when this daemon started, in seconds since 1970").set_to_current_time()
        self._samples: dict[tuple[str, str], deque[float]] = {}
        self._ticks: dict[str, deque[float]] = {}
        self._ended: dict[str, deque[tuple[float, float | None]]] = {}
        self._inside: dict[str, Callable[[], int]] = {}

    def _counter(self, name: str, text: str, *labels: str) -> Bounded[Counter]:
        return Bounded(Counter(f"foureyes_{name}", text, labels, registry=self.registry))

    def _gauge(self, name: str, text: str, *labels: str) -> Gauge:
        return Gauge(f"foureyes_{name}", text, labels, registry=self.registry)

    def _histogram(self, name: str, text: str, *labels: str) -> Bounded[Histogram]:
        return Bounded(Histogram(f"foureyes_{name}", text, labels, registry=self.registry, buckets=_SHORT_S))

    def tick(self, source: str, *, lateness_s: float, missed: int) -> None:
        """Count one kept deadline and those missed before it."""
        self._missed.labels(source).inc(missed)
        self._late.labels(source).observe(lateness_s)
        self._sample("lateness_ms", source, lateness_s * 1000)
        if (ticks := self._ticks.get(source)) is None:
            ticks = self._ticks[source] = deque([time.monotonic()], maxlen=_RATE_TICKS)
            self._fps.labels(source).set_function(partial(_rate, ticks))
        else:
            ticks.append(time.monotonic())

    def fps(self, source: str) -> float | None:
        """Looks a second over the last ones; None before the second one."""
        ticks = self._ticks.get(source, ())
        return _rate(ticks) if isinstance(ticks, deque) and len(ticks) > 1 else None

    def frame(self, source: str) -> None:
        """Count one captured frame."""
        self._frames.labels(source).inc()

    def source_up(self, source: str, *, up: bool) -> None:
        """Whether a source gives pictures."""
        self._up.labels(source).set(up)

    def look(self, task: str, source: str, origin: str, *, age_s: float | None, fallback: bool = False) -> None:
        """Count one published reading."""
        self._looks.labels(task, source, origin).inc()
        self._fallbacks.labels(task, source).inc(fallback)
        if age_s is not None:
            self._age.labels(task).observe(age_s)
            self._sample("age_ms", f"{source}/{task}", age_s * 1000)

    def inference(
        self, task: str, model: str, *, outcome: str, seconds: float | None, tokens: Tokens | None = None
    ) -> None:
        """Count one request to a model; its latency where it was answered, its tokens where they are known."""
        self._ended.setdefault(task, deque(maxlen=_KEPT)).append((time.monotonic(), seconds))
        if not self._note(task, outcome, seconds, tokens):
            self.dropped("metrics", "not_written")
        self._inferences.labels(task, model, outcome).inc()
        if tokens is not None:
            self._tokens.labels(task, model, "prompt").inc(tokens.prompt)
            self._tokens.labels(task, model, "completion").inc(tokens.completion)
        if seconds is not None:
            self._inference.labels(task, model).observe(seconds)
            self._sample("latency_ms", task, seconds * 1000)

    def requests_ended(self, task: str) -> list[tuple[float, float | None]]:
        """The last requests for a task: when each ended (monotonic), and its seconds, None for one that failed."""
        return list(self._ended.get(task, ()))

    def alert_delivery(self, channel: str, outcome: str) -> None:
        """Count one attempt to deliver a notice: `ok` or `failed`."""
        self._deliveries.labels(channel, outcome).inc()

    def latency_target(self, task: str, target_ms: float | None) -> None:
        """Set what the latency of a task's requests is held against; NaN where it has no target."""
        self._target.labels(task).set(math.nan if target_ms is None else target_ms / 1000)

    @contextmanager
    def step(self, name: str) -> Iterator[None]:
        """Time one step of a frame's way."""
        began_s = time.perf_counter()
        try:
            yield
        finally:
            took_s = time.perf_counter() - began_s
            self._step.labels(name).observe(took_s)
            self._on_step(name, took_s)

    def cache_lookup(self, task: str, *, hit: bool) -> None:
        """Count one question to the answer cache."""
        self._cache.labels(task, "hit" if hit else "miss").inc()

    def dropped(self, where: str, reason: str) -> None:
        """Count something that was dropped; everything that ever is comes here."""
        self._dropped.labels(where, reason).inc()

    def fault(self, component: str, severity: str) -> None:
        """Count one exception that was recorded."""
        self._faults.labels(component, severity).inc()

    def error_outbox(self, waiting: int, dead_letters: int) -> None:
        """Set how many recorded faults MongoDB has not got, and how many it refused for good."""
        self._outbox.set(waiting)
        self._dead_letters.set(dead_letters)

    def server_state(self, server: str, state: str, states: Sequence[str]) -> None:
        """Set the one state that a server is in."""
        for name in states:
            self._state.labels(server, name).set(name == state)

    def server_restart(self, server: str, state: str) -> None:
        """Count one restart, by the state in which the server failed."""
        self._restarts.labels(server, state).inc()

    def server_requests(self, server: str, inside: Callable[[], int], waiting: Callable[[], int]) -> None:
        """Say how many requests a server has and how many wait for it, whenever it is asked."""
        self._inside[server] = inside
        self._requests.labels(server, "inside").set_function(inside)
        self._requests.labels(server, "waiting").set_function(waiting)

    def active_requests(self) -> int:
        """How many requests all servers have now."""
        return sum(inside() for inside in list(self._inside.values()))

    def machine(self, use: MachineUse) -> None:
        """Set what the machine, each process tree and each graphics card use."""
        self._busy.set(use.cpu_percent / 100)
        self._others.set(use.others_percent / 100)
        self._available.set(use.available_bytes)
        self._whole.set(use.total_bytes)
        for name, tree in use.trees.items():
            self._resident.labels(name).set(tree.rss_bytes)
            self._count_cpu(name, tree.cpu_s)
            self._share.labels(name).set(tree.cpu_percent / 100)
        for index, gpu in enumerate(use.gpus or ()):
            self._gpu_busy.labels(str(index)).set(gpu.busy_percent / 100)
            self._gpu_used.labels(str(index)).set(gpu.used_bytes)
            self._gpu_whole.labels(str(index)).set(gpu.total_bytes)

    def _count_cpu(self, process: str, cpu_s: float) -> None:
        """What a process used since it was last looked at; another one under its name began at nothing."""
        before_s = self._cpu_s.get(process, 0.0)
        self._cpu_s[process] = cpu_s
        self._cpu.labels(process).inc(cpu_s - before_s if cpu_s >= before_s else cpu_s)

    def pressure(self, level: int) -> None:
        """Set how far FourEyes steps back."""
        self._pressure.set(level)

    def memory_limit(self, limit_bytes: int) -> None:
        """Set what the daemon's own memory is held against."""
        self._limit.set(limit_bytes)

    def health(self, state: str, components: Mapping[str, str]) -> None:
        """Set the words for the whole and for each part; no series is left of the words before."""
        self._whole_state.clear()
        self._whole_state.labels(state).set(1)
        self._part_state.clear()
        for name, word in components.items():
            self._part_state.labels(name, word).set(1)

    def event_streams(self, listeners: Callable[[], int]) -> None:
        """Say how many follow the live events, whenever it is asked."""
        self._streams.set_function(listeners)

    def config_reload(self, outcome: str) -> None:
        """Count one reload of the configuration."""
        self._reloads.labels(outcome).inc()

    def forget_source(self, source: str) -> None:
        """A source is watched no more: its counters stay, what it says of now goes."""
        self._ticks.pop(source, None)
        for gauge in (self._fps, self._up):
            gauge.remove(source)

    def forget_server(self, server: str, states: Sequence[str]) -> None:
        """A server is used no more: its counters stay, what it says of now goes."""
        for state in states:
            self._state.remove(server, state)
        self._inside.pop(server, None)
        for state in ("inside", "waiting"):
            self._requests.remove(server, state)
        self._cpu_s.pop(server, None)
        for gauge in (self._resident, self._share):
            gauge.remove(server)

    def render(self) -> tuple[bytes, str]:
        """Prometheus' text and its content type."""
        return generate_latest(self.registry), CONTENT_TYPE_LATEST

    def snapshot(self) -> dict[str, Any]:
        """Totals and quantiles for people."""
        totals: dict[str, float] = {}
        for family in self.registry.collect():
            for sample in family.samples:
                if sample.name.endswith("_total") or sample.name.endswith("_fps"):
                    labels = ",".join(f"{name}={value}" for name, value in sample.labels.items())
                    totals[f"{sample.name}{{{labels}}}"] = sample.value
        return {
            "totals": totals,
            "quantiles": {"/".join(key): _quantiles(kept) for key, kept in list(self._samples.items())},
        }

    def _sample(self, kind: str, label: str, value: float) -> None:
        self._samples.setdefault((kind, label), deque(maxlen=_KEPT)).append(value)


def _rate(ticks: deque[float]) -> float:
    """Ticks a second since the oldest one kept: it falls while none come."""
    return (len(ticks) - 1) / max(time.monotonic() - ticks[0], 1e-3)


def _quantiles(kept: deque[float]) -> dict[str, float]:
    p50, p95, p99 = np.percentile(np.array(list(kept)), (50, 95, 99))
    return {
        "p50": round(float(p50), 3),
        "p95": round(float(p95), 3),
        "p99": round(float(p99), 3),
        "count": len(kept),
    }
