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
    disable_created_metrics,
    generate_latest,
)

from foureyes import __version__
from foureyes.telemetry.aggregates import Tokens
from foureyes.telemetry.families import Bounded, Families
from foureyes.telemetry.machine_metrics import MachineMetrics

disable_created_metrics()  # type: ignore[no-untyped-call]  # a second series for each counter, that nobody asks for

_KEPT = 2000
"""Samples kept for the quantiles of /api/status: about eleven minutes at 3 FPS."""
_RATE_TICKS = 31

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
        make = Families(self.registry)
        self._on_step = on_step
        self._note = note
        self._frames = make.counter("frames", "frames captured", "source")
        self._missed = make.counter("missed_ticks", "deadlines that passed unused", "source")
        self._late = make.histogram("tick_lateness_seconds", "how late a look began", "source")
        self._fps = make.gauge("effective_fps", "looks a second, over the last ones", "source")
        self._up = make.gauge("source_up", "1 while the source gives pictures", "source")
        self._looks = make.counter("looks", "readings published", "task", "source", "origin")
        self._fallbacks = make.counter(
            "fallback_looks", "readings of another model than the first", "task", "source"
        )
        self._age = make.histogram("reading_age_seconds", "age of a reading when published", "task")
        self._inferences = make.counter("inferences", "requests to models", "task", "model", "outcome")
        self._inference = make.histogram("inference_seconds", "latency of answered requests", "task", "model")
        self._target = make.gauge("latency_target_seconds", "latency that a task's requests should keep", "task")
        self._tokens = make.counter("tokens", "tokens as the servers counted them", "task", "model", "kind")
        self._step = make.histogram("step_seconds", "time of one step of a frame", "step")
        self._cache = make.counter("cache_lookups", "questions to the answer cache", "task", "outcome")
        self._state = make.gauge("server_state", "1 for the state a server is in", "server", "state")
        self._requests = make.gauge("server_requests", "requests at a server or waiting", "server", "state")
        self._restarts = make.counter("server_restarts", "restarts by the state they began in", "server", "state")
        self.machine = MachineMetrics(make)
        self._whole_state = make.gauge("health_state", "1 for the word of /health for the whole", "state")
        self._part_state = make.gauge(
            "component_state", "1 for the word of /health for a part", "component", "state"
        )
        self._streams = make.gauge("event_streams", "listeners of the live events")
        self._reloads, self._deliveries = (
            make.counter("config_reloads", "reloads of the configuration", "outcome"),
            make.counter("alert_deliveries", "attempts to deliver a notice", "channel", "outcome"),
        )
        self._faults = make.counter("faults", "recorded exceptions", "component", "severity")
        self._outbox = make.gauge("error_outbox", "recorded faults that MongoDB has not got")
        self._dead_letters = make.gauge("error_dead_letters", "recorded faults that MongoDB refused for good")
        dropped = ("dropped", "everything that was ever dropped", ("where", "reason"))
        self._dropped = Bounded(Counter(*dropped, registry=self.registry))
        make.gauge("build_info", "the running version", "version").labels(__version__).set(1)
        make.gauge("start_time_seconds", "when this daemon started, in seconds since 1970").set_to_current_time()
        self._samples: dict[tuple[str, str], deque[float]] = {}
        self._ticks: dict[str, deque[float]] = {}
        self._ended: dict[str, deque[tuple[float, float | None]]] = {}
        self._inside: dict[str, Callable[[], int]] = {}

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
        for key in [key for key in self._samples if key[1].partition("/")[0] == source]:
            del self._samples[key]
        for gauge in (self._fps, self._up):
            gauge.remove(source)

    def forget_server(self, server: str, states: Sequence[str]) -> None:
        """A server is used no more: its counters stay, what it says of now goes."""
        for state in states:
            self._state.remove(server, state)
        self._inside.pop(server, None)
        for state in ("inside", "waiting"):
            self._requests.remove(server, state)
        self.machine.forget(server)

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
