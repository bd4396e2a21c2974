"""What the rules look at: the daemon at one moment, as plain values, in the words of /health."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from foureyes.telemetry.words import Word


@dataclass(frozen=True)
class PartSeen:
    """How a source or a server stands."""

    word: Word
    reason: str | None = None
    for_s: float = 0.0
    """For how long already, where that is known better than by looking now and then."""


@dataclass(frozen=True)
class TaskSeen:
    """How one task of one source stands."""

    task: str
    source: str
    word: Word
    reason: str | None = None
    waits_for: tuple[str, ...] = ()
    """The servers of those of its models that cannot be asked now."""
    values: Mapping[str, Any] | None = None
    """Its latest reading's; None before the first one."""

    @property
    def id(self) -> str:
        """Source and task."""
        return f"{self.source}/{self.task}"


@dataclass(frozen=True)
class RequestsSeen:
    """The requests of one task, of all its sources."""

    target_ms: float | None
    ended: Sequence[tuple[float, float | None]] = ()
    """When each ended (monotonic seconds), and the seconds that it took: None for one that failed."""


@dataclass(frozen=True)
class Snapshot:
    """The daemon at one moment; what is None is not known."""

    mono_s: float
    at: datetime
    """UTC."""
    sources: Mapping[str, PartSeen] = field(default_factory=dict)
    servers: Mapping[str, PartSeen] = field(default_factory=dict)
    tasks: Sequence[TaskSeen] = ()
    requests: Mapping[str, RequestsSeen] = field(default_factory=dict)
    """By task."""
    disk_free_mb: float | None = None
    memory_available_mb: float | None = None
    own_memory: str | None = None
    """What is to be said of the daemon's own memory; None while it is within its limit."""
