"""Builds the parts of one daemon from its settings; nothing is started here."""

from __future__ import annotations

from collections.abc import Callable, Container, Iterable, Mapping
from dataclasses import dataclass
from functools import partial
from typing import Any

from foureyes.config import Settings
from foureyes.config.settings import AutoSource, ObsSource, Resources, Server, Source, obs_password
from foureyes.daemon.demand import needed_servers, plans_of, wanted_models
from foureyes.daemon.desk import Desk
from foureyes.daemon.publisher import Publisher
from foureyes.daemon.server_reporter import ServerReporter, Tell
from foureyes.daemon.shedding import Shedding
from foureyes.frames.camera import Camera
from foureyes.frames.clock import Clock
from foureyes.frames.frame import Frame
from foureyes.frames.region import Region
from foureyes.frames.sources.auto import choose
from foureyes.frames.sources.opening import open_source
from foureyes.servers.gate import Gate, operator_places
from foureyes.servers.http.clients import Clients
from foureyes.servers.launch import launch_for
from foureyes.servers.supervisor import Supervisor
from foureyes.telemetry.cgroup import memory_bounds
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.pressure import Pressure
from foureyes.telemetry.report import Report, report_to_nobody
from foureyes.vision.analysis import SOURCE, Analysis
from foureyes.vision.cache import AnswerCache
from foureyes.vision.change import Noise
from foureyes.vision.inference import Inference
from foureyes.vision.look import Encoder
from foureyes.vision.plan import Plan
from foureyes.vision.router import Router
from foureyes.vision.source_watch import SourceWatch, StallRules
from foureyes.vision.task_watch import TaskWatch
from foureyes.vision.taught import taught_folder
from foureyes.vision.token_bucket import TokenBucket
from foureyes.web.intake import Intake


@dataclass(frozen=True)
class Shared:
    """What all parts of one daemon have in common, from its start to its end."""

    metrics: Metrics
    clients: Clients
    tell: Tell
    cache: AnswerCache
    inference: Inference
    publisher: Publisher
    on_frame: Callable[[Frame], None]
    report: Report
    paused: Callable[[str], str | None] = lambda _source: None
    """Why a source is not looked at; None while it is."""


@dataclass(frozen=True)
class Found:
    """A source as it is watched, and why it is this one where the configuration says `auto`."""

    settings: Source
    why: str | None = None


def found(source: Source) -> Found:
    """A configured source, or what `auto` picks here; that blocks for a while."""
    if not isinstance(source, AutoSource):
        return Found(source)
    choice = choose(source, obs_password=obs_password())
    return Found(choice.settings, choice.why)


def _tell_nobody(_kind: str, _data: Mapping[str, Any]) -> None:
    """Where nobody follows live events."""


def supervisors_of(
    settings: Settings,
    metrics: Metrics,
    clients: Clients,
    tell: Tell = _tell_nobody,
    report: Report = report_to_nobody,
    only: Container[str] | None = None,
) -> dict[str, Supervisor]:
    """One supervisor for each server that a task needs, or for some; `tell` gets each change as a live event."""
    wanted = wanted_models(settings)
    return {
        name: Supervisor(
            server,
            launch_for(server, clients, metrics.dropped, taught_folder(settings.state_dir)),
            wanted[name],
            gate=_gate(server, settings.resources, metrics),
            on_change=ServerReporter(metrics, tell, report).report,
            report=report,
        )
        for name, server in needed_servers(settings).items()
        if only is None or name in only
    }


def _gate(server: Server, settings: Resources, metrics: Metrics) -> Gate:
    gate = Gate(server.id, server.max_requests, settings.max_waiting, metrics.dropped)
    metrics.server_requests(server.id, lambda: gate.inside, lambda: gate.waiting)
    return gate


def _longest_look_s(source: Source) -> float:
    """What a look may take where each of its waits takes as long as it may and the last one still succeeds.

    OBS: two addresses of its host, three steps of the greeting, four requests.
    """
    return 9 * source.timeout_s if isinstance(source, ObsSource) else 0.0


def shedding_of(
    settings: Settings,
    tasks: Callable[[], Iterable[TaskWatch]],
    servers: Callable[[], Mapping[str, Supervisor]],
    metrics: Metrics,
    tell: Tell,
) -> Shedding:
    """What steps back when the machine runs short."""
    return Shedding(Pressure(settings.resources), tasks=tasks, servers=servers, metrics=metrics, tell=tell)


def cache_of(settings: Settings) -> AnswerCache:
    """An empty cache of answers."""
    return AnswerCache(ttl_s=settings.cache.ttl_s, max_entries=settings.cache.max_entries)


def desk_of(
    settings: Callable[[], Settings], servers: Mapping[str, Supervisor], metrics: Metrics, cache: AnswerCache
) -> Desk:
    """Where operators have single pictures read: behind the loop, with an encoder and a cache of its own.

    The tasks and regions are those of the settings in force.
    """
    resources, inference = settings().resources, Inference(Encoder(), metrics)

    def most() -> int:
        servers = needed_servers(settings()).values()
        return resources.max_waiting + min(operator_places(server.max_requests) for server in servers)

    return Desk(
        lambda: _analysis_plans(settings()),
        Analysis(Router(servers), inference, cache),
        Intake(most, memory_limit_bytes(resources) // 2, metrics.dropped),
    )


def _analysis_plans(settings: Settings) -> dict[str, list[Plan]]:
    sources = {source.id: source.model_copy(update={"id": SOURCE}) for source in settings.sources}
    return {name: plans_of(settings, source) for name, source in sources.items()}


def memory_limit_bytes(settings: Resources) -> int:
    """What the daemon's own memory is held against: the setting, or less where a control group allows less."""
    bounds, wanted_bytes = memory_bounds(), settings.memory_limit_mb * 1_000_000
    return wanted_bytes if bounds is None else min(wanted_bytes, bounds.limit_bytes)


def watch_of(
    source: Source,
    settings: Settings,
    servers: Mapping[str, Supervisor],
    shared: Shared,
    first_number: int = 0,
) -> SourceWatch:
    """The watch of one source with its camera, clock and tasks; its frames are numbered from the first one on."""
    noise = Noise()
    opened = open_source(source, obs_password=obs_password())
    masks = [Region(*mask) for mask in source.masks]
    return SourceWatch(
        source.id,
        Camera(opened, source.id, masks, first_number=first_number),
        Clock(source.fps),
        [task_of(plan, source.fps, noise, servers, shared) for plan in plans_of(settings, source)],
        noise=noise,
        rules=stall_rules(settings, source),
        metrics=shared.metrics,
        on_frame=shared.on_frame,
        report=shared.report,
        paused=partial(shared.paused, source.id),
    )


def task_of(
    plan: Plan, source_fps: float, noise: Noise, servers: Mapping[str, Supervisor], shared: Shared
) -> TaskWatch:
    """The watch of one task; `noise` is its source's."""
    shared.metrics.latency_target(plan.task, plan.latency_target_ms)
    return TaskWatch(
        plan,
        noise=noise,
        router=Router(servers),
        inference=shared.inference,
        cache=shared.cache,
        metrics=shared.metrics,
        publish=shared.publisher.publish,
        bucket=_bucket(plan, plan.settings.fps or source_fps),
        report=shared.report,
    )


def _bucket(plan: Plan, fps: float) -> TokenBucket:
    """What a look may need at worst, each attempt and each candidate, is never refused; two such looks at once."""
    most_a_look = plan.settings.attempts + len(plan.candidates)
    return TokenBucket(fps * most_a_look, 2 * most_a_look)


def stall_rules(settings: Settings, source: Source) -> StallRules:
    """When a source counts as stalled."""
    capture = settings.capture
    return StallRules(capture.stall_s, capture.frozen_after_s, capture.still_s, _longest_look_s(source))
