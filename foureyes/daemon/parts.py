"""Builds the parts of one daemon from its settings; nothing is started here."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from typing import Any

from foureyes.config import Settings
from foureyes.config.settings import AutoSource, EngineServer, ObsSource, Resources, Server, Source, obs_password
from foureyes.daemon.desk import Desk
from foureyes.daemon.server_reporter import ServerReporter, Tell
from foureyes.daemon.shedding import Shedding
from foureyes.frames.camera import Camera
from foureyes.frames.clock import Clock
from foureyes.frames.frame import Frame
from foureyes.frames.region import Region
from foureyes.frames.sources.auto import choose
from foureyes.frames.sources.opening import open_source
from foureyes.servers.clients import Clients
from foureyes.servers.gate import Gate, operator_places
from foureyes.servers.launch import launch_for
from foureyes.servers.supervisor import Supervisor
from foureyes.telemetry.cgroup import memory_bounds
from foureyes.telemetry.log import event
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.pressure import Pressure
from foureyes.vision.analysis import SOURCE, Analysis
from foureyes.vision.cache import AnswerCache
from foureyes.vision.change import Noise
from foureyes.vision.inference import Inference
from foureyes.vision.look import Encoder
from foureyes.vision.plan import Plan, candidates_of, plan_for
from foureyes.vision.reading import Reading
from foureyes.vision.router import Router
from foureyes.vision.source_watch import SourceWatch, StallRules
from foureyes.vision.task_watch import TaskWatch
from foureyes.web.intake import Intake


def resolved(source: Source) -> tuple[Source, str | None]:
    """A configured source, or what `auto` picks here and why."""
    if not isinstance(source, AutoSource):
        return source, None
    choice = choose(source, obs_password=obs_password())
    return choice.settings, choice.why


def resolved_sources(settings: Settings) -> tuple[list[Source], list[str]]:
    """The configured sources, each `auto` replaced by what it picks here, and what was picked, said once."""
    found = [resolved(source) for source in settings.sources]
    picked = [(source, f"source '{source.id}': {why}") for source, why in found if why is not None]
    for source, sentence in picked:
        event("source.picked", sentence, source=source.id, kind=source.kind)
    return [source for source, _ in found], [sentence for _, sentence in picked]


def plans_of(settings: Settings, source: Source) -> list[Plan]:
    """The plans of the tasks that look at a source."""
    names = settings.tasks if source.tasks is None else source.tasks
    engines = _engines(settings)
    return [plan_for(name, settings.tasks[name], settings.models, source, engines) for name in names]


def _engines(settings: Settings) -> list[str]:
    return [server.id for server in settings.servers if isinstance(server, EngineServer)]


def wanted_models(settings: Settings) -> dict[str, list[str]]:
    """The model ids that the tasks' candidates need, by server."""
    wanted: dict[str, list[str]] = {}
    for task in settings.tasks.values():
        for candidate in candidates_of(task, settings.models, _engines(settings)):
            models = wanted.setdefault(candidate.server, [])
            if candidate.model_id not in models:
                models.append(candidate.model_id)
    return wanted


def _tell_nobody(_kind: str, _data: Mapping[str, Any]) -> None:
    """Where nobody follows live events."""


def supervisors_of(
    settings: Settings, metrics: Metrics, clients: Clients, tell: Tell = _tell_nobody
) -> dict[str, Supervisor]:
    """One supervisor for each server that a task needs; `tell` gets each change as a live event."""
    wanted = wanted_models(settings)
    return {
        server.id: Supervisor(
            server,
            launch_for(server, clients, metrics.dropped),
            wanted[server.id],
            gate=_gate(server, settings.resources, metrics),
            on_change=ServerReporter(metrics, tell).report,
        )
        for server in settings.servers
        if server.id in wanted
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
    watches: Sequence[SourceWatch],
    servers: Mapping[str, Supervisor],
    metrics: Metrics,
    tell: Tell,
) -> Shedding:
    """What steps back when the machine runs short."""
    return Shedding(
        Pressure(settings.resources),
        tasks=lambda: [task for watch in watches for task in watch.tasks],
        servers=servers,
        metrics=metrics,
        tell=tell,
    )


def cache_of(settings: Settings) -> AnswerCache:
    """An empty cache of answers."""
    return AnswerCache(ttl_s=settings.cache.ttl_s, max_entries=settings.cache.max_entries)


def desk_of(
    settings: Settings,
    sources: Sequence[Source],
    servers: Mapping[str, Supervisor],
    metrics: Metrics,
    cache: AnswerCache,
) -> Desk:
    """Where operators have single pictures read: behind the loop, with an encoder and a cache of its own."""
    as_analysis = {source.id: source.model_copy(update={"id": SOURCE}) for source in sources}
    inference = Inference(Encoder(), metrics)
    places = min(operator_places(server.max_requests) for server in settings.servers if server.id in servers)
    return Desk(
        {name: plans_of(settings, source) for name, source in as_analysis.items()},
        Analysis(Router(servers), inference, cache),
        Intake(
            settings.resources.max_waiting + places,
            memory_limit_bytes(settings.resources) // 2,
            metrics.dropped,
        ),
    )


def memory_limit_bytes(settings: Resources) -> int:
    """What the daemon's own memory is held against: the setting, or less where a control group allows less."""
    bounds, wanted_bytes = memory_bounds(), settings.memory_limit_mb * 1_000_000
    return wanted_bytes if bounds is None else min(wanted_bytes, bounds.limit_bytes)


def watch_of(
    source: Source,
    plans: Sequence[Plan],
    settings: Settings,
    *,
    servers: Mapping[str, Supervisor],
    cache: AnswerCache,
    inference: Inference,
    metrics: Metrics,
    publish: Callable[[Reading], None],
    on_frame: Callable[[Frame], None],
) -> SourceWatch:
    """The watch of one source with its camera, clock and tasks. Raises SourceError where it cannot be opened."""
    noise, router = Noise(), Router(servers)
    tasks = [
        TaskWatch(
            plan,
            noise=noise,
            router=router,
            inference=inference,
            cache=cache,
            metrics=metrics,
            publish=publish,
        )
        for plan in plans
    ]
    opened = open_source(source, obs_password=obs_password())
    return SourceWatch(
        source.id,
        Camera(opened, source.id, [Region(*mask) for mask in source.masks]),
        Clock(source.fps),
        tasks,
        noise=noise,
        rules=StallRules(settings.capture.stall_s, settings.capture.frozen_after_s, _longest_look_s(source)),
        metrics=metrics,
        on_frame=on_frame,
    )
