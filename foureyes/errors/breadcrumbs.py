"""Breadcrumbs: the last events of the log, to be kept with a fault."""

from __future__ import annotations

from collections import deque
from datetime import UTC
from typing import Any

from foureyes.errors.plain import stamp

_MOST_CHARS = 300


class Breadcrumbs:
    """A loguru sink that remembers; what it gets is redacted already."""

    def __init__(self, most: int) -> None:
        self._kept: deque[dict[str, Any]] = deque(maxlen=most)

    def write(self, message: Any) -> None:
        """Remember one line of the log."""
        record = message.record
        self._kept.append(
            {
                "at": stamp(record["time"].astimezone(UTC)),
                "level": record["level"].name.lower(),
                "event": str(record["extra"].get("event", record["name"])),
                "message": record["message"][:_MOST_CHARS],
            }
        )

    def trail(self) -> list[dict[str, Any]]:
        """The last events, oldest first."""
        return list(self._kept.copy())  # a copy in one step: other threads log meanwhile
