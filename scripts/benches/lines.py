"""JSON lines that a running program appends to a file, read as they come."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any


class Lines:
    """Every whole line so far; each call of `all` parses only what came since the last one."""

    def __init__(self, file: Path) -> None:
        self._file = file
        self._at = 0
        self._all: list[dict[str, Any]] = []

    def all(self) -> list[dict[str, Any]]:
        """Read on, and return everything."""
        if self._file.exists():
            with self._file.open("rb") as file:
                file.seek(self._at)
                whole, end, _ = file.read().rpartition(b"\n")
            self._at += len(whole) + len(end)
            self._all += [json.loads(line) for line in whole.splitlines()]
        return self._all
