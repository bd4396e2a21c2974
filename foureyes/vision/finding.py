"""What one answer says of one field: its value or why there is none, the evidence, and whose answer it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

from foureyes.vision.answer import Answer
from foureyes.vision.reading import iso


@dataclass(frozen=True)
class Finding:
    """One field of an answer."""

    value: Any
    reason: str | None
    """Why the value is null, or why it is not published."""
    evidence: Mapping[str, Any]
    answer: Answer
    """The answer that it is from: which picture was read, when and by which model."""
    backed_by: str | None = None
    """The second reader, where it read the same."""
    is_settled: bool = False
    """Whether two reads differed, and only one of them could be."""

    @property
    def offers(self) -> tuple[Any, ...]:
        """What the value may be: what was read, or what either of two differing reads gave."""
        if self.value is not None:
            return (self.value,)
        values = [each.get("value") for each in self.alternatives] if self.reason == "conflict" else []
        return tuple(value for value in values if value is not None)

    @property
    def reads(self) -> int:
        """How often the value was read from these pixels, alike."""
        reads = self.evidence.get("reads", 1)
        return reads if isinstance(reads, int) else 1

    @property
    def alternatives(self) -> Sequence[Mapping[str, Any]]:
        """What differing reads gave; empty where they did not differ."""
        found = self.evidence.get("alternatives", ())
        return [each for each in found if isinstance(each, Mapping)] if isinstance(found, Sequence) else ()

    def with_value(self, value: Any) -> Finding:
        """Two reads that differed, settled: one of them gave this."""
        return replace(self, value=value, reason=None, evidence={**self.evidence, "reads": 1}, is_settled=True)

    def with_reads(self, reads: int) -> Finding:
        """The same read, of a value that was read so often alike."""
        return self if reads == self.reads else replace(self, evidence={**self.evidence, "reads": reads})

    def backed(self, by: str | None) -> Finding:
        """The same read, which a second reader agrees with, if one does."""
        return replace(self, backed_by=by)

    def withheld(self, reason: str, alternatives: Sequence[Mapping[str, Any]] = ()) -> Finding:
        """The same read without its value; the evidence has what was read."""
        read = alternatives or self.alternatives or ([{"value": self.value}] if self.value is not None else ())
        evidence = {**self.evidence, "alternatives": [dict(each) for each in read]} if read else self.evidence
        return replace(self, value=None, reason=reason, evidence=evidence)

    def shown(self, whole: Answer) -> dict[str, Any]:
        """The evidence as it is published; with its own frame where that is not the whole reading's."""
        own = self.answer
        dated = {"read_frame_id": own.frame_id, "read_at": iso(own.read_at)}
        confirmed = {"confirmed_by": self.backed_by} if self.backed_by else {}
        return {**self.evidence, **confirmed, **(dated if own.frame_id != whole.frame_id else {})}


def findings_of(answer: Answer) -> dict[str, Finding]:
    """An answer by its fields."""
    return {
        name: Finding(value, answer.withheld.get(name), answer.evidence.get(name, {}), answer)
        for name, value in answer.values.items()
    }
