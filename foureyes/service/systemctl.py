"""The command systemctl, spoken to by argument list."""

from __future__ import annotations

import shlex
import subprocess
from collections.abc import Sequence

from foureyes.exceptions import ServiceError

_UP = {"initializing", "starting", "running", "degraded", "maintenance"}


class Systemctl:
    """systemctl for one manager; `options` choose it."""

    def __init__(self, options: Sequence[str], program: str = "systemctl") -> None:
        self._start = [program, *options]

    def line(self, *words: str) -> str:
        """The command as a person would type it."""
        return shlex.join([*self._start, *words])

    def absence(self) -> str | None:
        """Why the manager cannot be spoken to; None where it runs."""
        try:
            state = self._run("is-system-running").stdout.strip() or "away"
        except OSError:
            state = "not installed"
        return None if state in _UP else state

    def do(self, *words: str) -> str:
        """Run it and return what it printed. Raises ServiceError with what it said instead."""
        done = self._run(*words)
        if done.returncode != 0:
            said = " ".join(done.stderr.split()) or f"exit code {done.returncode}"
            raise ServiceError(f"`{self.line(*words)}` failed: {said}")
        return done.stdout

    def _run(self, *words: str) -> subprocess.CompletedProcess[str]:
        return subprocess.run([*self._start, *words], capture_output=True, text=True, check=False)  # noqa: S603 - no shell
