"""The model `state`: one of an enum, by what is written first, by taught pictures second, by what moves last."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foureyes.engine.answer import Answer, Finding, answer_of, withheld
from foureyes.engine.descriptor import describe
from foureyes.engine.lesson import Verdict, verdict
from foureyes.engine.motion import Motion, motion
from foureyes.engine.phrases import Phrase, phrase_in
from foureyes.engine.sight import Sight
from foureyes.engine.taught import Taught
from foureyes.schema.document import Field, Schema, fields

_CONFIDENCE_FROM = (
    "likeness and prominence of the cue's text, likeness to taught pictures, or the share of pixels that moved"
)
_LEAST_PX = 64
"""Width and height from which a picture can look like another one."""
_PROMINENT = 0.5
"""A cue below this stands in running text: thin evidence, which neither tells nor lets motion tell."""


def tell(schema: Schema, sights: Sequence[Sight], taught: Taught) -> Answer:
    """Answer each enum field by its `x-cues` and `x-taught`. Raises UsageError, PictureError as `Taught` does."""
    findings = {field.name: _field(field, sights, taught) for field in fields(schema)}
    return answer_of(schema, findings, _CONFIDENCE_FROM)


def reads_text(schema: Schema) -> bool:
    """Whether any cue is a text, so that the picture must be read."""
    cues = (cue for field in fields(schema) for cue in (field.annotations.get("x-cues") or {}).values())
    return any(cue.get("texts") for cue in cues)


def _field(field: Field, sights: Sequence[Sight], taught: Taught) -> Finding:
    cues: Mapping[str, Mapping[str, Any]] = field.annotations.get("x-cues") or {}
    sight = sights[min(field.annotations.get("x-picture", 0), len(sights) - 1)]
    for member, cue in cues.items():
        phrase = _strongest(cue.get("texts", ()), sight)
        if phrase is not None and phrase.weight >= _PROMINENT:
            return _written(member, phrase, sight)
    pictures = field.annotations.get("x-taught")
    return _shown(field, cues, sight, taught) if pictures else _moved(field, cues, sight)


def _shown(field: Field, cues: Mapping[str, Mapping[str, Any]], sight: Sight, taught: Taught) -> Finding:
    """By taught pictures; motion tells only what they leave open: states like this one, and those never taught."""
    if min(sight.pixels.shape[:2]) < _LEAST_PX:
        return withheld("too_small")
    pictures = field.annotations["x-taught"]
    lessons = taught.lessons(pictures, field.annotations.get("x-taught-region", (0, 0, 1, 1)))
    seen = verdict(describe(sight.pixels), lessons)
    if seen.near and seen.clear:
        return Finding(seen.near[0], None, _evidence(seen, sight), seen.likeness[seen.near[0]])
    left_open = {name: cue for name, cue in cues.items() if name not in pictures or name in seen.near}
    found = _moved(field, left_open, sight)
    return found if found.value is not None else withheld("ambiguous" if seen.near else found.reason or "absent")


def _evidence(seen: Verdict, sight: Sight) -> dict[str, Any]:
    return {"picture": sight.index, "likeness": seen.likeness, "reads": 1}


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
