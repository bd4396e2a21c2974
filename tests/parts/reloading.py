"""A configuration file that a test changes under a running daemon, which hears of it by SIGHUP."""

from __future__ import annotations

import copy
import json
import signal
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from parts.foureyes import RunningDaemon

_OUTCOMES = {"config.reloaded", "config.refused"}
_ROUNDING = timedelta(milliseconds=2)


class ConfigFile:
    """The file of a daemon that a test started, and what came of each reload."""

    def __init__(self, daemon: RunningDaemon, folder: Path) -> None:
        self.daemon, self.path = daemon, folder / "config.yaml"
        self.document: dict[str, Any] = json.loads(self.path.read_text("utf-8"))

    def changed(self, *path: str | int, **values: Any) -> dict[str, Any]:
        """The document with other values in one mapping of it."""
        document = copy.deepcopy(self.document)
        place: Any = document
        for step in path:
            place = place[step]
        place.update(values)
        return document

    def reload(self, document: dict[str, Any]) -> dict[str, Any]:
        """Put a document into force; return the log line that says what changed."""
        self.document = document
        outcome = self.reload_text(json.dumps(document))
        assert outcome["event"] == "config.reloaded", outcome["message"]
        return outcome

    def reload_text(self, text: str) -> dict[str, Any]:
        """Write a text and have it read; return the log line that says what came of it."""
        since = datetime.now(UTC)
        self.path.write_text(text, encoding="utf-8")
        return self.hang_up(since)

    def hang_up(self, since: datetime | None = None) -> dict[str, Any]:
        """Send SIGHUP; return the log line of what came of it, not of a reload that had begun before."""
        since = since or datetime.now(UTC)
        self.daemon.process.send_signal(signal.SIGHUP)

        def later() -> list[dict[str, Any]]:
            return [each for each in self.outcomes() if _began(each) >= since - _ROUNDING]

        self.daemon.wait(lambda: bool(later()), "the reload")
        return later()[0]

    def outcomes(self) -> list[dict[str, Any]]:
        """The log lines of all reloads so far."""
        return [entry for entry in self.daemon.log_events() if entry["event"] in _OUTCOMES]


def _began(outcome: dict[str, Any]) -> datetime:
    """When the reload began that a log line is the outcome of."""
    return datetime.fromisoformat(outcome["ts"]) - timedelta(milliseconds=outcome["duration_ms"])
