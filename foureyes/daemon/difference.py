"""What a new configuration changes of the one in force: pure, names only, nothing is done about it here."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping
from dataclasses import dataclass
from typing import Any, Generic, TypeVar

from pydantic import BaseModel

from foureyes.config import Settings
from foureyes.config.alerts import Alerts
from foureyes.config.settings import EngineServer, LanguageServer, LmStudioServer, Server
from foureyes.daemon.demand import needed_servers, plans_of

Key = TypeVar("Key", bound=Hashable)

_OF_TASKS = {"tasks", "regions"}
"""What a source says of its tasks: its camera does not care."""
_WHILE_RUNNING = {
    "sources",
    "servers",
    "models",
    "tasks",
    "capture.stall_s",
    "capture.frozen_after_s",
    "capture.still_s",
    *(f"alerts.{field}" for field in Alerts.model_fields),
}
"""What is watched, by whom and how; all else is where a daemon lives and what its parts share."""


@dataclass(frozen=True)
class Fates(Generic[Key]):
    """What becomes of the things of one kind."""

    kept: tuple[Key, ...]
    new: tuple[Key, ...]
    changed: tuple[Key, ...]
    gone: tuple[Key, ...]

    @property
    def fresh(self) -> tuple[Key, ...]:
        """Those that are made."""
        return self.new + self.changed

    def named(self, name: Callable[[Key], str]) -> Fates[str]:
        """The same under other names."""
        kept, new, changed, gone = (
            tuple(map(name, keys)) for keys in (self.kept, self.new, self.changed, self.gone)
        )
        return Fates(kept, new, changed, gone)

    @property
    def retired(self) -> tuple[Key, ...]:
        """Those whose old selves end."""
        return self.changed + self.gone


@dataclass(frozen=True)
class Difference:
    """What becomes of the sources, of the tasks of those that are kept (source and task), and of the servers."""

    sources: Fates[str]
    tasks: Fates[tuple[str, str]]
    servers: Fates[str]

    def __str__(self) -> str:
        """For people: what changed by name, and how much did not."""
        one_source = len(self.sources.kept + self.sources.fresh) == 1
        tasks = self.tasks.named(lambda key: key[1] if one_source else "/".join(key))
        kinds = {"sources": self.sources, "tasks": tasks, "servers": self.servers}
        parts = [
            f"{kind} {what}: {', '.join(names)}"
            for kind, fates in kinds.items()
            for what, names in (("changed", fates.changed), ("new", fates.new), ("gone", fates.gone))
            if names
        ]
        unchanged = sum(len(fates.kept) for fates in kinds.values())
        return "; ".join([*parts, f"unchanged: {unchanged}"])


def difference(before: Settings, after: Settings) -> Difference:
    """Compare two configurations."""
    sources = _fates(_cameras(before), _cameras(after))
    tasks = _fates(_plans(before, sources.kept), _plans(after, sources.kept))
    return Difference(sources, tasks, _fates(needed_servers(before), needed_servers(after)))


def at_next_start(started: Settings, wanted: Settings) -> tuple[str, ...]:
    """The settings, by their dotted names, that differ from what the daemon was started with and cannot change."""
    names = (
        name
        for section in Settings.model_fields
        for name in _differing(section, getattr(started, section), getattr(wanted, section))
    )
    return tuple(name for name in names if name not in _WHILE_RUNNING)


def in_the_way(retired: Mapping[str, Server], fresh: Mapping[str, Server]) -> tuple[str, ...]:
    """The retired servers that hold what a fresh one cannot do without: they must stop before it can start."""
    needed = {need for server in fresh.values() if (need := _need(server)) is not None}
    return tuple(name for name, server in retired.items() if _holding(server) in needed)


def _fates(before: Mapping[Key, object], after: Mapping[Key, object]) -> Fates[Key]:
    both = [key for key in after if key in before]
    return Fates(
        kept=tuple(key for key in both if before[key] == after[key]),
        new=tuple(key for key in after if key not in before),
        changed=tuple(key for key in both if before[key] != after[key]),
        gone=tuple(key for key in before if key not in after),
    )


def _cameras(settings: Settings) -> dict[str, Any]:
    """By source, all that its camera and its clock depend on."""
    return {source.id: source.model_dump(exclude=_OF_TASKS) for source in settings.sources}


def _plans(settings: Settings, sources: tuple[str, ...]) -> dict[tuple[str, str], Any]:
    watched = [source for source in settings.sources if source.id in sources]
    return {(plan.source, plan.task): plan for source in watched for plan in plans_of(settings, source)}


def _differing(name: str, before: object, after: object) -> list[str]:
    if before == after:
        return []
    if not isinstance(before, BaseModel):
        return [name]
    fields = type(before).model_fields
    return [f"{name}.{field}" for field in fields if getattr(before, field) != getattr(after, field)]


def _holding(server: Server) -> str | None:
    """What a server of ours has that only one can have: LM Studio, or a port."""
    if isinstance(server, LmStudioServer) and server.own == "daemon":
        return "lms"
    return None if isinstance(server, EngineServer) or server.command is None else server.url


def _need(server: Server) -> str | None:
    """What a server must have for itself; a command that is told its port does with another one."""
    return None if isinstance(server, LanguageServer) and server.takes_any_port else _holding(server)
