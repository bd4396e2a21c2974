"""Counts of many outcomes: by field and together, with latencies and what they cost."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, field
from typing import Any

import numpy as np

from foureyes.evaluation.outcome import Outcome
from foureyes.evaluation.truth import is_shown
from foureyes.evaluation.verdict import Verdict

_PERCENTILES = (50, 95, 99)


@dataclass
class Tally:
    """How many values of a field are shown in the pictures, and how often each verdict fell on it."""

    shown: int = 0
    verdicts: Counter[Verdict] = field(default_factory=Counter)

    @property
    def published(self) -> int:
        """How many values were published, right or wrong."""
        return self.verdicts[Verdict.EXACT] + self.verdicts[Verdict.WRONG]

    @property
    def exact_percent(self) -> float:
        """Share of the shown values that were read as they are; 0 where none is shown."""
        return 100 * self.verdicts[Verdict.EXACT] / self.shown if self.shown else 0.0

    def add(self, verdict: Verdict, *, shown: bool) -> None:
        """Count one field of one picture."""
        self.shown += shown
        self.verdicts[verdict] += 1

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        wrong, withheld = self.verdicts[Verdict.WRONG], self.verdicts[Verdict.WITHHELD]
        return {
            "shown": self.shown,
            **{str(verdict): self.verdicts[verdict] for verdict in Verdict},
            "wrong_per_1000_published": round(1000 * wrong / self.published, 2) if self.published else None,
            "withheld_percent_of_shown": round(100 * withheld / self.shown, 2) if self.shown else None,
        }


@dataclass(frozen=True)
class Score:
    """How well one model, or the tasks' own ones, read a set; `cpu_s` is of this process and its children."""

    outcomes: Sequence[Outcome]
    cpu_s: float | None = None

    def fields(self) -> dict[str, Tally]:
        """The tallies by "task.field"."""
        found: dict[str, Tally] = {}
        for outcome in self.outcomes:
            for name, verdict in outcome.verdicts().items():
                tally = found.setdefault(f"{outcome.case.task}.{name}", Tally())
                tally.add(verdict, shown=is_shown(outcome.case.values[name]))
        return found

    def total(self) -> Tally:
        """All fields together."""
        tallies = self.fields().values()
        verdicts = sum((tally.verdicts for tally in tallies), Counter[Verdict]())
        return Tally(sum(tally.shown for tally in tallies), verdicts)

    def inferences(self) -> int:
        """How often a model was asked and answered."""
        return len(self._latencies_ms())

    def latency_ms(self) -> dict[str, float | None]:
        """p50, p95 and p99 of the time that the models took."""
        taken = self._latencies_ms()
        return {
            f"p{share}": round(float(np.percentile(taken, share)), 1) if taken else None for share in _PERCENTILES
        }

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        return {
            "all": self.total().as_dict(),
            "fields": {name: tally.as_dict() for name, tally in self.fields().items()},
            "latency_ms": self.latency_ms(),
            "inferences": self.inferences(),
            "cpu_s": None if self.cpu_s is None else round(self.cpu_s, 2),
            "failures": [failure for outcome in self.outcomes for failure in outcome.failures()],
            "not_read": list(_not_read(self.outcomes)),
        }

    def _latencies_ms(self) -> list[float]:
        answers = (outcome.answered for outcome in self.outcomes)
        return [answer.latency_ms for answer in answers if answer is not None and answer.latency_ms is not None]


def _not_read(outcomes: Iterable[Outcome]) -> Iterable[dict[str, Any]]:
    for outcome in outcomes:
        if outcome.error is not None:
            yield {"picture": outcome.case.place, "task": outcome.case.task, "error": outcome.error}
