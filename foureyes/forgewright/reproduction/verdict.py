"""What a run of a reproduction showed."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Outcome(StrEnum):
    """Whether the fault was seen again."""

    REPRODUCED = "reproduced"
    """The same type of exception from the same place."""
    NOT_REPRODUCED = "not reproduced"
    NOT_REPRODUCIBLE = "not reproducible"
    """It could not be tried."""


@dataclass(frozen=True)
class Verdict:
    """The outcome of one run, why, and how long it took. The reason is text for a person, redacted already."""

    outcome: Outcome
    reason: str
    seconds: float
    is_green: bool = False
    """Whether the test passed: the call went as it should, not merely another way than it was recorded."""
    calls: tuple[int, ...] = ()
    """Which of the recorded calls showed the fault, 0 the innermost."""

    def __str__(self) -> str:
        return f"{self.outcome}: {self.reason}" if self.reason else str(self.outcome)
