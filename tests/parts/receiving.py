"""The receiver of cases as a process, and what it got."""

from __future__ import annotations

import base64
import json
import sys
from pathlib import Path
from typing import Any, Self

from parts import case_receiver
from parts.program import Program, free_port, wait_until


class CaseReceiver(Program):
    """The receiver as a process."""

    def __init__(self, folder: Path, *, status: int = 503, times: int = 0, port: int | None = None) -> None:
        self._file, port = folder / "received.jsonl", port or free_port()
        self.url = f"http://127.0.0.1:{port}/cases"
        flags = ["--port", str(port), "--file", str(self._file), "--status", str(status), "--times", str(times)]
        super().__init__([sys.executable, str(Path(case_receiver.__file__)), *flags], folder / "receiver.log")
        try:
            wait_until(lambda: '"listening"' in self.tail(), 60, "the receiver listens")
        except TimeoutError:
            self.kill()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def received(self) -> list[dict[str, Any]]:
        """Every request so far: path, headers, body as bytes."""
        lines = self._file.read_text("utf-8").splitlines() if self._file.exists() else []
        notes = [json.loads(line) for line in lines]
        return [{**note, "body": base64.b64decode(note["body"])} for note in notes]
