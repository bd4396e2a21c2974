"""The states of a model server, and which may follow which."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class ServerState(StrEnum):
    """Where a server stands in its life."""

    STOPPED = "stopped"
    STARTING = "starting"
    LOADING = "loading"
    READY = "ready"
    FAILED = "failed"
    DEGRADED = "degraded"
    STOPPING = "stopping"


ALLOWED: dict[ServerState, frozenset[ServerState]] = {
    ServerState.STOPPED: frozenset({ServerState.STARTING, ServerState.STOPPING}),
    ServerState.STARTING: frozenset({ServerState.LOADING, ServerState.FAILED, ServerState.STOPPING}),
    ServerState.LOADING: frozenset({ServerState.READY, ServerState.FAILED, ServerState.STOPPING}),
    ServerState.READY: frozenset({ServerState.FAILED, ServerState.STOPPING}),
    ServerState.FAILED: frozenset({ServerState.STARTING, ServerState.DEGRADED, ServerState.STOPPING}),
    ServerState.DEGRADED: frozenset({ServerState.STARTING, ServerState.STOPPING}),
    ServerState.STOPPING: frozenset({ServerState.STOPPED}),
}


@dataclass(frozen=True)
class ServerSnapshot:
    """What everybody but the supervisor sees of a server."""

    id: str
    state: ServerState
    since_mono_s: float
    reason: str
    restarts: int
    pid: int | None
    url: str | None
    models: tuple[str, ...]
    """Ids that answered their probe since the server last started."""
    missing: tuple[str, ...]
    """Why each configured model is not among them, in sentences: the server does not have it."""
    probed_mono_s: float | None
    """When a real answer or a probe last came back."""

    @property
    def ready(self) -> bool:
        """Whether requests may be sent."""
        return self.state is ServerState.READY
