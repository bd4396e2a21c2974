"""Prometheus' own tool, which judges metrics and rules."""

from __future__ import annotations

import subprocess
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from parts.program import find


@dataclass(frozen=True)
class Promtool:
    """The program; each method returns what it complains of, nothing where all is well."""

    path: str

    def check_metrics(self, text: str) -> str:
        """What is wrong with a daemon's /metrics, by Prometheus' conventions."""
        return self._complaint("check", "metrics", given=text)

    def check_rules(self, file: Path) -> str:
        """What is wrong with a file of rules."""
        return self._complaint("check", "rules", str(file))

    def test_rules(self, file: Path) -> str:
        """Which tests of rules do not hold."""
        return self._complaint("test", "rules", str(file))

    def _complaint(self, *arguments: str, given: str = "") -> str:
        done = subprocess.run(
            [self.path, *arguments], input=given, capture_output=True, text=True, timeout=60, check=False
        )
        return done.stderr if done.returncode == 0 else done.stdout + done.stderr


@contextmanager
def promtool() -> Iterator[Promtool]:
    """The tool of this machine. Raises MissingProgramError."""
    yield Promtool(find("promtool", "prometheus"))
