"""The model `state`: one of an enum, from what is written first and from what moves second."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foureyes.engine.answer import Answer, Finding, answer_of, withheld
from foureyes.engine.motion import Motion, motion
from foureyes.engine.phrases import Phrase, phrase_in
from foureyes.engine.sight import Sight
from foureyes.schema.document import Field, Schema, fields

_CONFIDENCE_FROM = "likeness and prominence of the cue's text, or the share of pixels that moved"
_PROMINENT = 0.5
"""A cue below this stands in running text: thin evidence, which neither tells nor lets motion tell."""


def tell(schema: Schema, sights: Sequence[Sight]) -> Answer:
    """Answer each enum field by its `x-cues`."""
    findings = {field.name: _field(field, sights) for field in fields(schema)}
    return answer_of(schema, findings, _CONFIDENCE_FROM)


def _field(field: Field, sights: Sequence[Sight]) -> Finding:
    cues: Mapping[str, Mapping[str, Any]] = field.annotations.get("x-cues") or {}
    sight = sights[min(field.annotations.get("x-picture", 0), len(sights) - 1)]
    for member, cue in cues.items():
        phrase = _strongest(cue.get("texts", ()), sight)
        if phrase is not None and phrase.weight >= _PROMINENT:
            return _written(member, phrase, sight)
    return _moved(field, cues, sight)


def _strongest(texts: Sequence[str], sight: Sight) -> Phrase | None:
    found = [phrase for text in texts for line in sight.lines if (phrase := phrase_in(text, line, sight.lines))]
    return max(found, key=lambda phrase: phrase.weight, default=None)


def _written(member: str, phrase: Phrase, sight: Sight) -> Finding:
    line = phrase.line
    return Finding(member, None, sight.evidence(line), phrase.weight * line.score)


def _moved(field: Field, cues: Mapping[str, Mapping[str, Any]], sight: Sight) -> Finding:
    """By motion, where no cue is written; a page whose text was not all read may hide one."""
    by_motion = {cue["motion"]: member for member, cue in cues.items() if "motion" in cue}
    if not by_motion:
        return withheld("absent")
    if not sight.complete:
        return withheld("unreadable")
    seen = _motion(field, sight)
    if seen is None:
        return withheld("unconfirmed")
    told = "moving" if seen.moving else "still"
    if seen.moving is None or told not in by_motion:
        return withheld("ambiguous")
    evidence = {"picture": sight.index, "changed_share": round(seen.share, 5), "reads": 1}
    return Finding(by_motion[told], None, evidence, seen.confidence)


def _motion(field: Field, sight: Sight) -> Motion | None:
    if sight.earlier is None:
        return None
    return motion(sight.pixels, sight.earlier, field.annotations.get("x-motion-region"))
