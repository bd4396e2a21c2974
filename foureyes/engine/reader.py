"""The model `ocr`: each field by its label and its type, or alone in a picture of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foureyes.engine.answer import Answer, Finding, Reason, answer_of, corners, withheld
from foureyes.engine.association import Association, associate
from foureyes.engine.ink import type_size_px
from foureyes.engine.offers import Label, Match
from foureyes.engine.pieces import Piece, pieces_of
from foureyes.engine.sight import Sight
from foureyes.engine.stance import Side
from foureyes.engine.typed import Typed, page_sign, suits, typed
from foureyes.picture import Box
from foureyes.schema.document import Field, Schema, fields
from foureyes.schema.values import DecimalSign

SMALLEST_TEXT_PX = 12
_CONFIDENCE_FROM = "the least sure field's likeness of the label, lead over the runner-up and recogniser's score"
_CLEAR_LEAD = 1.0
"""A match that leads the runner-up by this many heights could hardly be another."""
_NO_LABEL_NEEDED = 0.8
"""Confidence of the match of a value that stands alone in its region, without its label."""


def read(schema: Schema, sights: Sequence[Sight]) -> Answer:
    """Answer a schema from the pictures that its fields say they are in."""
    wanted = fields(schema)
    findings: dict[str, Finding] = {}
    for sight in sights:
        here = [field for field in wanted if field.annotations.get("x-picture", 0) == sight.index]
        findings.update(_read_picture(here, sight))
    ordered = {field.name: findings.get(field.name, withheld("absent")) for field in wanted}
    return answer_of(schema, ordered, _CONFIDENCE_FROM)


def _read_picture(here: Sequence[Field], sight: Sight) -> Mapping[str, Finding]:
    sign = page_sign(piece.text for piece in sight.pieces if piece.kind == "number")
    labelled = [field for field in here if not field.annotations.get("x-alone")]
    found = associate(labelled, sight.pieces, suits) if labelled else None
    findings = {field.name: _labelled(field, found, sight, sign) for field in labelled} if found else {}
    alone = {field.name: _alone(field, sight, sign) for field in here if field.annotations.get("x-alone")}
    return {**findings, **alone}


def _labelled(field: Field, found: Association, sight: Sight, sign: DecimalSign | None) -> Finding:
    labels = found.labels.get(field.name)
    if not labels:
        return withheld(_missing(sight))
    read_here = [_finding(field, match, sight, sign) for match in found.matches.get(field.name, ())]
    told = [finding for finding in read_here if finding is not None]
    if not told and len(labels) == 1:
        told = [again] if (again := _second_look(field, labels[0], found.habit, sight, sign)) else []
    if not told:
        return withheld("unreadable" if read_here else _missing(sight), label_box=corners(labels[0].box))
    return _agreed(told)


def _missing(sight: Sight) -> Reason:
    return "absent" if sight.complete else "unreadable"


def _agreed(told: Sequence[Finding]) -> Finding:
    """One finding out of several places: they must say the same."""
    values = {repr(finding.value) for finding in told}
    if len(values) > 1:
        return withheld("ambiguous", **told[0].evidence)
    return max(told, key=lambda finding: finding.confidence or 0.0)


def _finding(field: Field, match: Match, sight: Sight, sign: DecimalSign | None) -> Finding | None:
    """What a match says, or None where its value is not of the field's type."""
    said = typed(field, match.value.text, match.value.unit, sign)
    if said is None:
        return None
    if match.margin <= 0:
        said = Typed(None, "ambiguous", said.currency)
    lead = min(1.0, 0.5 + match.margin / (2 * _CLEAR_LEAD))
    confidence = match.label.similarity * lead * match.value.score
    return _judged(said, match.value, match.label.box, sight, confidence)


def _judged(said: Typed, piece: Piece, label_box: Box | None, sight: Sight, confidence: float) -> Finding:
    """A typed value with its evidence; withheld where its text is too small to be read without doubt."""
    px_height = type_size_px(sight.pixels, piece.box)
    evidence: dict[str, Any] = {
        "text": f"{piece.text}{piece.unit}",
        "box": corners(piece.box),
        "picture": sight.index,
        "label_box": corners(label_box),
        "px_height": px_height,
        "reads": 1,
        "score": round(piece.score, 4),
        "confidence": round(confidence, 3),
    }
    if said.currency:
        evidence["currency"] = said.currency
    if px_height < SMALLEST_TEXT_PX:
        return withheld("too_small", **evidence)
    if said.reason is not None:
        return withheld(said.reason, **evidence)
    return Finding(said.value, None, evidence, confidence)


def _alone(field: Field, sight: Sight, sign: DecimalSign | None) -> Finding:
    """The one value of the field's type in a picture that holds nothing else."""
    if sight.pieces and (labelled := associate([field], sight.pieces, suits)).matches.get(field.name):
        return _labelled(field, labelled, sight, sign)
    if field.kind == "text":
        return _all_text(field, sight)
    said = [(piece, typed(field, piece.text, piece.unit, sign)) for piece in sight.pieces]
    told = [_judged(value, piece, None, sight, _NO_LABEL_NEEDED * piece.score) for piece, value in said if value]
    if not told:
        return withheld("unreadable" if sight.pieces else _missing(sight))
    return told[0] if len(told) == 1 else withheld("ambiguous", **told[0].evidence)


def _all_text(field: Field, sight: Sight) -> Finding:
    names = associate([field], sight.pieces, suits).labels.get(field.name, [])
    rows = [line for line in sight.lines if not any(label.box.overlaps(line.box) for label in names)]
    if not rows:
        return withheld(_missing(sight))
    text = " ".join(line.text for line in rows)
    score = min(line.score for line in rows)
    piece = Piece("word", text, rows[0].box, 0, 0, score)
    return _judged(Typed(text), piece, None, sight, _NO_LABEL_NEEDED * score)


def _second_look(
    field: Field, label: Label, habit: Side | None, sight: Sight, sign: DecimalSign | None
) -> Finding | None:
    """Recognise, without detection, the place where a known label's value should be: the detector may miss it."""
    box = _should_be(label.box, habit, sight)
    if box is None or any(piece.box.overlaps(box) for piece in sight.pieces):
        return None
    line = sight.look(box)
    pieces = pieces_of([line]) if line.text else []
    said = [(piece, typed(field, piece.text, piece.unit, sign)) for piece in pieces]
    told = [(piece, value) for piece, value in said if value is not None]
    if len(told) != 1 or field.kind == "text" or line.score < _SURE_SECOND_LOOK:
        return None
    piece, value = told[0]
    return _judged(value, piece, label.box, sight, label.similarity * line.score * _NO_LABEL_NEEDED)


_SURE_SECOND_LOOK = 0.9
"""Score below which the second look saw a pattern: nothing had said that there is text."""


def _should_be(label: Box, habit: Side | None, sight: Sight) -> Box | None:
    """Where the value stands that belongs to a label, if it stands as the page's others do."""
    height, width = sight.pixels.shape[:2]
    if habit in {"right", "behind", None}:
        box = Box(label.right + 2, label.y, min(6 * label.height, width - label.right - 2), label.height)
    elif habit == "below":
        box = Box(label.x, label.bottom, max(label.width, 4 * label.height), round(1.5 * label.height))
    else:
        return None
    cut = Box(box.x, box.y, min(box.right, width) - box.x, min(box.bottom, height) - box.y)
    return cut if cut.width > label.height // 2 and cut.height > label.height // 2 else None
