"""What a configuration asks for: the plans of each source, and the servers with the models they must have."""

from __future__ import annotations

from foureyes.config import Settings
from foureyes.config.settings import EngineServer, Server, SourceSettings
from foureyes.vision.plan import Plan, candidates_of, plan_for, second_of


def plans_of(settings: Settings, source: SourceSettings) -> list[Plan]:
    """The plans of the tasks that look at a source."""
    names = settings.tasks if source.tasks is None else source.tasks
    engines = _engines(settings)
    return [plan_for(name, settings.tasks[name], settings.models, source, engines) for name in names]


def wanted_models(settings: Settings) -> dict[str, list[str]]:
    """The model ids that the tasks' candidates and second readers need, by server."""
    wanted: dict[str, list[str]] = {}
    engines = _engines(settings)
    for task in settings.tasks.values():
        second = second_of(task, settings.models, engines)
        for candidate in (*candidates_of(task, settings.models, engines), *([second] if second else ())):
            models = wanted.setdefault(candidate.server, [])
            if candidate.model_id not in models:
                models.append(candidate.model_id)
    return wanted


def needed_servers(settings: Settings) -> dict[str, Server]:
    """The servers that a task needs, by their id; the others are not started."""
    wanted = wanted_models(settings)
    return {server.id: server for server in settings.servers if server.id in wanted}


def _engines(settings: Settings) -> list[str]:
    return [server.id for server in settings.servers if isinstance(server, EngineServer)]
