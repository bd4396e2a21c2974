"""What became of one task's look at one labelled picture."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

from foureyes.evaluation.truth import Case, Truth, Withheld, is_shown
from foureyes.evaluation.verdict import Verdict, judge


@dataclass(frozen=True)
class Answered:
    """What a model answered: values by field, why others are empty, and how long it took."""

    values: Mapping[str, Any]
    withheld: Mapping[str, str]
    latency_ms: float | None
    """None where no model was asked."""
    texts: Mapping[str, str] = field(default_factory=dict)
    """By field the text that its value was read from, where the model shows it."""


@dataclass(frozen=True)
class Outcome:
    """One case with its answer, or with the reason why there is none."""

    case: Case
    answered: Answered | None
    error: str | None = None

    def verdicts(self) -> dict[str, Verdict]:
        """What became of each field of the truth."""
        if self.answered is None:
            return {name: _unread(truth) for name, truth in self.case.values.items()}
        values, withheld = self.answered.values, self.answered.withheld
        return {
            name: judge(truth, values.get(name), withheld.get(name)) for name, truth in self.case.values.items()
        }

    def failures(self) -> list[dict[str, Any]]:
        """The fields that were not read as they are, as plain JSON."""
        return [
            self._failure(name, verdict)
            for name, verdict in self.verdicts().items()
            if verdict in {Verdict.WRONG, Verdict.WITHHELD}
        ]

    def _failure(self, name: str, verdict: Verdict) -> dict[str, Any]:
        assert self.answered is not None
        truth = self.case.values[name]
        return {
            "picture": self.case.place,
            "task": self.case.task,
            "field": name,
            "verdict": str(verdict),
            "truth": {"withheld": truth.withheld} if isinstance(truth, Withheld) else truth,
            "got": self.answered.values.get(name),
            "withheld": self.answered.withheld.get(name),
            "text": self.answered.texts.get(name),
        }


def _unread(truth: Truth) -> Verdict:
    return Verdict.MISSING if is_shown(truth) else Verdict.OTHER_REASON
