"""How urgent a case is: by how bad its fault is, how often it comes and how far it has spread."""

from __future__ import annotations

from enum import StrEnum

_OFTEN, _FAR = 10, 3


class Priority(StrEnum):
    """How urgent, the most urgent first."""

    CRITICAL = "critical"
    HIGH = "high"
    MEDIUM = "medium"
    LOW = "low"

    @property
    def rank(self) -> int:
        """0 is the most urgent."""
        return list(Priority).index(self)


def priority_of(severity: str, failures: int, components: int) -> Priority:
    """The severity, one step more urgent for ten failures in the window, and one for three components."""
    step = Priority(severity).rank - (failures >= _OFTEN) - (components >= _FAR)
    return list(Priority)[max(step, 0)]
