"""A FourEyes daemon started by its command line, and what it says of itself over HTTP."""

from __future__ import annotations

import json
import os
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import httpx
import psutil
from parts.program import Program, wait_until

from benches.usage import tree

COMMAND = (sys.executable, "-m", "foureyes")


class Watching:
    """`foureyes run` with the given options, ended with the block.

    with Watching(["--source", "demo"]) as daemon:
        daemon.wait_ready()
    """

    def __init__(
        self, options: Sequence[str], env: Mapping[str, str] | None = None, command: Sequence[str] = COMMAND
    ) -> None:
        self._options = list(options)
        self._env = {**os.environ, **(env or {})}
        self._command = list(command)

    def __enter__(self) -> Self:
        self._folder = tempfile.TemporaryDirectory(prefix="foureyes-bench-")
        folder = Path(self._folder.name)
        self.state, self.readings_file = folder / "state", folder / "readings.jsonl"
        options = [*self._options, "--readings", str(self.readings_file), "--state-dir", str(self.state)]
        self._began_s = time.monotonic()
        self.program = Program([*self._command, "run", *options], folder / "console.log", self._env)
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.program.end(grace_s=10)
        self._folder.cleanup()

    def wait_ready(self, timeout_s: float = 60.0) -> float:
        """Return the seconds from the start of the process until /ready said yes."""
        wait_until(lambda: self.alive() and self._says_ready(), timeout_s, "the daemon to be ready")
        return time.monotonic() - self._began_s

    def alive(self) -> bool:
        """True; raises RuntimeError with its last lines where it has ended."""
        if not self.program.running:
            raise RuntimeError(f"the daemon ended:\n{self.program.tail(40)}")
        return True

    def _says_ready(self) -> bool:
        answer = self._ask("/ready")
        return answer is not None and answer.status_code == httpx.codes.OK

    @property
    def url(self) -> str:
        """Where it listens."""
        return str(json.loads((self.state / "daemon.json").read_text("utf-8"))["url"])

    def _ask(self, route: str) -> httpx.Response | None:
        try:
            return httpx.get(self.url + route, timeout=2, trust_env=False)
        except (OSError, ValueError, httpx.HTTPError):
            return None  # not listening yet, or not any more

    def status(self) -> dict[str, Any] | None:
        """/api/status; None while it does not answer."""
        answer = self._ask("/api/status")
        return None if answer is None else dict(answer.json())

    def metrics(self) -> str | None:
        """/metrics; None while it does not answer."""
        answer = self._ask("/metrics")
        return None if answer is None else answer.text

    def groups(self) -> dict[str, Callable[[], list[psutil.Process]]]:
        """The processes of the daemon and of the engine that it started, for a Meter."""
        return {
            "daemon": lambda: tree(self.program.process.pid)[:1],
            "engine": lambda: tree(self.program.process.pid)[1:],
        }

    def console(self) -> str:
        """What it wrote to the console so far."""
        return self.program.log.read_text("utf-8", "replace")
