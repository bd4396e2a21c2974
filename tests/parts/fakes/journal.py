"""What a fake writes down in its folder: requests, unlisted routes, and what happened to its models."""

from __future__ import annotations

import json
import threading
import time
from pathlib import Path
from typing import Any


class Journal:
    """JSON lines in files of one folder; pictures by their digest."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._lock = threading.Lock()

    def request(self, entry: dict[str, Any]) -> None:
        """One line of requests.jsonl; a route that is not listed also goes to unlisted.jsonl."""
        self._write("requests", entry)
        if not entry["listed"]:
            self._write("unlisted", entry)

    def event(self, name: str, **details: Any) -> None:
        """One line of events.jsonl: loaded, unloaded, crashed, gone."""
        self._write("events", {"event": name, **details})

    def keep(self, digest: str, data: bytes) -> None:
        file = self.folder / f"{digest}.picture"
        if not file.exists():
            file.write_bytes(data)

    def _write(self, name: str, entry: dict[str, Any]) -> None:
        line = json.dumps({"time_s": time.monotonic(), **entry}) + "\n"
        with self._lock, (self.folder / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.write(line)
