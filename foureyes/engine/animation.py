"""The model `animation`: moving or still, from two pictures of the same region. It needs no text."""

from __future__ import annotations

from collections.abc import Sequence

from foureyes.engine.answer import Answer, Finding, answer_of, withheld
from foureyes.engine.motion import motion
from foureyes.picture import Pixels
from foureyes.schema.document import Field, Schema, fields

_CONFIDENCE_FROM = "share of the region's pixels that changed between the two pictures"


def animate(schema: Schema, current: Sequence[Pixels], earlier: Sequence[Pixels]) -> Answer:
    """Answer each field that has `x-motion`; null (absent) without a pair."""
    findings = {field.name: _field(field, current, earlier) for field in fields(schema)}
    return answer_of(schema, findings, _CONFIDENCE_FROM)


def _field(field: Field, current: Sequence[Pixels], earlier: Sequence[Pixels]) -> Finding:
    verdicts = field.annotations.get("x-motion")
    k = field.annotations.get("x-picture", 0)
    if verdicts is None or k >= len(earlier):
        return withheld("absent")
    seen = motion(current[k], earlier[k], field.annotations.get("x-motion-region"))
    if seen is None:
        return withheld("absent")
    if seen.moving is None:
        return withheld("ambiguous")
    evidence = {"picture": k, "changed_share": round(seen.share, 5), "reads": 1}
    return Finding(verdicts["moving" if seen.moving else "still"], None, evidence, seen.confidence)
