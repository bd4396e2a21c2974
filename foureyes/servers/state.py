"""The states of a model server, and which may follow which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
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
    ServerState.STOPPED: frozenset({ServerState.STARTING}),
    ServerState.STARTING: frozenset({ServerState.LOADING, ServerState.FAILED, ServerState.STOPPING}),
    ServerState.LOADING: frozenset({ServerState.READY, ServerState.FAILED, ServerState.STOPPING}),
    ServerState.READY: frozenset({ServerState.FAILED, ServerState.STOPPING}),
    # a server that refused our token is asked again as it stands: LOADING without a start
    ServerState.FAILED: frozenset(
        {ServerState.STARTING, ServerState.LOADING, ServerState.DEGRADED, ServerState.STOPPING}
    ),
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
    restarts: int = 0
    pid: int | None = None
    """The root of its process tree, where it runs on this machine and can be seen."""
    url: str | None = None
    models: tuple[str, ...] = ()
    """Ids that answered their probe since the server last started, and that may be asked."""
    missing: Mapping[str, str] = field(default_factory=dict)
    """Why each other configured model is not among them, in sentences: the server cannot serve it."""
    sizes: Mapping[str, int] = field(default_factory=dict)
    """Bytes of the models whose size the server tells."""
    probed_mono_s: float | None = None
    """When a real answer or a probe last came back, of the model that is silent longest."""
    probe_s: float = 60.0
    """Without a real answer for so long, a model is probed."""
    retrying: bool = False
    """Whether this is one of the attempts in the background that follow `degraded`."""
    healing: str | None = None
    """What is being done about its trouble, until a probe was answered again."""

    cause: str | None = None
    """What it fell ill of, a sentence; None while it is well."""

    @property
    def ready(self) -> bool:
        """Whether requests may be sent."""
        return self.state is ServerState.READY
