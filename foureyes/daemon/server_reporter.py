"""Tells each change of a server's state: metric, live event and log, aloud only where it says something new."""

from __future__ import annotations

import re
from collections.abc import Callable, Mapping
from typing import Any

from foureyes.exceptions import ServerDownError
from foureyes.servers.state import ServerSnapshot, ServerState
from foureyes.telemetry.log import event
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.report import Report, report_to_nobody

Tell = Callable[[str, Mapping[str, Any]], None]
"""Takes the kind and the values of one live event."""

_BAD = {ServerState.FAILED, ServerState.DEGRADED}
_COUNTS = re.compile(r"\d+")


class ServerReporter:
    """Every change is logged once; one that was told since the server was last ready is for the file alone."""

    def __init__(self, metrics: Metrics, tell: Tell, report: Report = report_to_nobody) -> None:
        self._metrics = metrics
        self._tell = tell
        self._report = report
        self._told: set[tuple[str, ServerState, str]] = set()

    def report(self, before: ServerSnapshot, after: ServerSnapshot) -> None:
        """Tell one change."""
        self._metrics.server_state(after.id, after.state, tuple(ServerState))
        if after.state is ServerState.FAILED:
            self._metrics.server_restart(after.id, before.state)
        if after.state is ServerState.READY:
            self._told.clear()
        if after.state in _BAD:
            text = f"server '{after.id}' has {after.state}: {after.reason}"
            self._report(ServerDownError(text), f"server:{after.id}", server=after.id, before=str(before.state))
        self._tell(
            "server", {"server": after.id, "before": before.state, "state": after.state, "reason": after.reason}
        )
        event(
            "server.state",
            f"server '{after.id}': {before.state} -> {after.state} ({after.reason})",
            level=self._level(after),
            server=after.id,
            state=after.state,
            server_pid=after.pid,
            url=after.url,
        )

    def _level(self, after: ServerSnapshot) -> str:
        key = (after.id, after.state, _COUNTS.sub("", after.reason))  # seconds and ports differ from time to time
        if key in self._told:
            return "debug"
        self._told.add(key)
        return "error" if after.state in _BAD else "info"
