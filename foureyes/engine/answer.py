"""What a model says of a request: values by field, why others are withheld, and on what evidence."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Literal

from foureyes.picture import Box
from foureyes.schema.document import Schema, check_answer

Reason = Literal["absent", "unreadable", "too_small", "ambiguous", "conflict", "implausible", "unconfirmed"]


@dataclass(frozen=True)
class Finding:
    """One field: its value with the evidence for it, or None with the reason."""

    value: Any
    reason: Reason | None = None
    evidence: Mapping[str, Any] = field(default_factory=dict)
    confidence: float | None = None


@dataclass(frozen=True)
class Answer:
    """The findings of all fields, with how sure they are together, and how that was told."""

    findings: Mapping[str, Finding]
    confidence: float | None
    confidence_from: str

    @property
    def values(self) -> dict[str, Any]:
        """Each field's value or None."""
        return {name: found.value for name, found in self.findings.items()}

    @property
    def withheld(self) -> dict[str, str]:
        """Each empty field's reason; what was looked for and is not there, like an error text, has none."""
        return {name: found.reason for name, found in self.findings.items() if found.reason is not None}

    @property
    def evidence(self) -> dict[str, Mapping[str, Any]]:
        """What each value was read from."""
        return {name: found.evidence for name, found in self.findings.items() if found.evidence}


def withheld(reason: Reason, **evidence: Any) -> Finding:
    """A field that is not known, and why."""
    return Finding(None, reason, evidence)


def answer_of(schema: Schema, findings: Mapping[str, Finding], confidence_from: str) -> Answer:
    """Put findings together; a value that breaks the schema is withheld, and the least sure field counts."""
    values = {name: found.value for name, found in findings.items()}
    broken = {violation.field for violation in check_answer(schema, values)}
    kept = {
        name: withheld("implausible", **found.evidence) if name in broken and found.value is not None else found
        for name, found in findings.items()
    }
    sure = [found.confidence for found in kept.values() if found.confidence is not None]
    return Answer(kept, round(min(sure), 3) if sure else None, confidence_from if sure else "no evidence")


def corners(box: Box | None) -> list[int] | None:
    """A box as it is written: left, top, width, height in pixels."""
    return None if box is None else [box.x, box.y, box.width, box.height]
