"""The last lines of the log in memory, for the page: bounded, redacted as in the files, and filtered."""

from __future__ import annotations

import threading
from collections import deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC
from itertools import count
from typing import Any

_MOST_LINES = 1000
_MOST_CHARS, _MOST_FIELD_CHARS = 2000, 200
LEVELS = ("info", "warning", "error")


@dataclass(frozen=True)
class Wanted:
    """Which lines are wanted; None and the empty text are any."""

    level: str | None = None
    """This one and those that are worse."""
    component: str | None = None
    """`server:engine`, or `server` for all that is about servers."""
    text: str | None = None
    """Part of the message or of the event's name, in any case."""
    after: int = 0
    """Only lines with a larger number."""

    def takes(self, line: Mapping[str, Any]) -> bool:
        """Whether a line is wanted."""
        return (
            line["id"] > self.after
            and (self.level is None or _rank(line["level"]) >= _rank(self.level))
            and (not self.component or _is_about(line, self.component))
            and (not self.text or self.text.casefold() in f"{line['event']} {line['message']}".casefold())
        )


class LogRing:
    """Keeps the last lines; `write` is called from whatever thread logs."""

    def __init__(self, tell: Callable[[Mapping[str, Any]], None], most: int = _MOST_LINES) -> None:
        """`tell` is called with each line; it must not block and must not log."""
        self._lines: deque[Mapping[str, Any]] = deque(maxlen=most)
        self._ids = count(1)
        self._tell = tell
        self._lock = threading.Lock()

    def write(self, message: Any) -> None:
        """Take one line of loguru's."""
        record = message.record
        with self._lock:
            line = _line(next(self._ids), record)
            self._lines.append(line)
        self._tell(line)

    def lines(self, wanted: Wanted, limit: int) -> list[Mapping[str, Any]]:
        """The newest lines that are wanted, the oldest of them first."""
        with self._lock:
            kept = list(self._lines)
        return [line for line in kept if wanted.takes(line)][-limit:]


def _line(number: int, record: Mapping[str, Any]) -> dict[str, Any]:
    extra = {name: value for name, value in record["extra"].items() if name not in {"event", "line"}}
    return {
        "id": number,
        "at": record["time"].astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z"),
        "level": record["level"].name.lower(),
        "event": str(record["extra"].get("event", record["name"])),
        "message": record["message"][:_MOST_CHARS],
        "fields": {name: str(value)[:_MOST_FIELD_CHARS] for name, value in extra.items() if value is not None},
    }


def _rank(level: str) -> int:
    return LEVELS.index(level) if level in LEVELS else len(LEVELS) * (level == "critical")


def _is_about(line: Mapping[str, Any], component: str) -> bool:
    kind, _, name = component.partition(":")
    if name:
        return bool(line["fields"].get(kind) == name)
    return kind in line["fields"] or bool(line["event"].partition(".")[0] == kind)
