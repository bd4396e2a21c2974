"""What the web needs to know of a daemon."""

from __future__ import annotations

from typing import Any, Protocol

from foureyes.outputs.live import LiveEvents


class DaemonView(Protocol):
    """Read-only: everything that the web shows."""

    live: LiveEvents

    def health(self) -> dict[str, Any]:
        """Status, uptime, memory, connections, version and every component's state."""
        ...

    def ready(self) -> tuple[bool, dict[str, Any]]:
        """Whether every task has a warmed candidate, and what is waited for."""
        ...

    async def status(self) -> dict[str, Any]:
        """Health with figures."""
        ...

    def readings(self) -> list[dict[str, Any]]:
        """The latest reading of each source and task."""
        ...

    async def metrics(self) -> tuple[bytes, str]:
        """Prometheus' text and its content type."""
        ...
