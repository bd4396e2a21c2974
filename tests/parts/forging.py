"""Triage in tests: a state folder with faults in it, and a triage whose clock and counters the test holds."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from foureyes.config.triage import Triage as TriageSettings
from foureyes.errors.group import Group
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import InferenceError
from foureyes.forgewright.case import Case
from foureyes.forgewright.cases import Cases
from foureyes.forgewright.triage import Outcome, Triage
from parts.faulty import groups, raised, recording


class Forge:
    """One state folder with its triage."""

    def __init__(self, state_dir: Path, **settings: Any) -> None:
        self.state_dir = state_dir
        self.settings = TriageSettings(**{"reproduction": {"enabled": False}, **settings})
        self.left_out: Counter[str] = Counter()
        self.ahead = timedelta()
        """How far its clock is before the real one."""

    def _drop(self, where: str, reason: str) -> None:
        self.left_out[f"{where}/{reason}"] += 1

    def triage(self) -> Triage:
        return Triage(
            self.state_dir, self.settings, dropped=self._drop, utcnow=lambda: datetime.now(UTC) + self.ahead
        )

    def run(self) -> Outcome:
        """Work through the spool once."""
        return asyncio.run(self.triage().run_once())

    def cases(self) -> list[Case]:
        with Spool(spool_file(self.state_dir)) as spool:
            return Cases(spool).all()

    def case(self) -> Case:
        """The only case."""
        (case,) = self.cases()
        return case


def record(folder: Path, errors: Iterable[Exception], component: str = "task:spins") -> list[Group]:
    """Record faults into a state folder; its groups after that."""
    with recording(folder) as running:
        for error in errors:
            running.recorder.record_now(raised(error), component, within_s=10)
    return groups(folder)


def final_failure(text: str = "task 'spins' could not be read") -> InferenceError:
    """An exception whose first occurrence is a case."""
    return InferenceError(text)


def journal(file: Path) -> list[dict[str, Any]]:
    """What a mender noted."""
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
