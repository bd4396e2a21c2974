"""The model `ocr`: each field by its label and its type, or alone in a picture of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from foureyes.engine.answer import Answer, Finding, Reason, answer_of, corners, withheld
from foureyes.engine.association import Association, associate
from foureyes.engine.judging import Asked
from foureyes.engine.offers import Label, Match
from foureyes.engine.pieces import Piece, pieces_of
from foureyes.engine.sight import Sight
from foureyes.engine.stance import Side
from foureyes.engine.typed import Typed, page_sign, suits
from foureyes.picture import Box
from foureyes.schema.document import Field, Schema, fields

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
    asked = [Asked(field, sight, sign) for field in here]
    labelled = [each for each in asked if not each.field.annotations.get("x-alone")]
    found = associate([each.field for each in labelled], sight.pieces, suits) if labelled else None
    findings = {each.field.name: _labelled(each, found) for each in labelled} if found else {}
    alone = {each.field.name: _alone(each) for each in asked if each.field.annotations.get("x-alone")}
    return {**findings, **alone}


def _labelled(asked: Asked, found: Association) -> Finding:
    labels = found.labels.get(asked.field.name)
    if not labels:
        return withheld(_missing(asked.sight))
    read_here = [_finding(asked, match) for match in found.matches.get(asked.field.name, ())]
    told = [finding for finding in read_here if finding is not None]
    if not told and len(labels) == 1:
        told = [again] if (again := _second_look(asked, labels[0], found.habit)) else []
    if not told:
        return withheld("unreadable" if read_here else _missing(asked.sight), label_box=corners(labels[0].box))
    return _agreed(told)


def _missing(sight: Sight) -> Reason:
    return "absent" if sight.complete else "unreadable"


def _agreed(told: Sequence[Finding]) -> Finding:
    """One finding out of several places: they must say the same."""
    values = {repr(finding.value) for finding in told}
    if len(values) > 1:
        return withheld("ambiguous", **told[0].evidence)
    return max(told, key=lambda finding: finding.confidence or 0.0)


def _finding(asked: Asked, match: Match) -> Finding | None:
    """What a match says, or None where its value is not of the field's type."""
    said = asked.typed(match.value)
    if said is None:
        return None
    if match.margin <= 0:
        said = Typed(None, "ambiguous", said.currency)
    lead = min(1.0, 0.5 + match.margin / (2 * _CLEAR_LEAD))
    confidence = match.label.similarity * lead * match.value.score
    return asked.judged(match.value, said, match.label.box, confidence)


def _alone(asked: Asked) -> Finding:
    """The one value of the field's type in a picture that holds nothing else."""
    field, sight = asked.field, asked.sight
    if sight.pieces and (labelled := associate([field], sight.pieces, suits)).matches.get(field.name):
        return _labelled(asked, labelled)
    if field.kind == "text":
        return _all_text(asked)
    said = [(piece, value) for piece in sight.pieces if (value := asked.typed(piece)) is not None]
    if not said:
        return withheld("unreadable" if sight.pieces else _missing(sight))
    told = [asked.judged(piece, value, None, _NO_LABEL_NEEDED * piece.score) for piece, value in said]
    return told[0] if len(told) == 1 else withheld("ambiguous", **told[0].evidence)


def _all_text(asked: Asked) -> Finding:
    field, sight = asked.field, asked.sight
    names = associate([field], sight.pieces, suits).labels.get(field.name, [])
    rows = [line for line in sight.lines if not any(label.box.overlaps(line.box) for label in names)]
    if not rows:
        return withheld(_missing(sight))
    text = " ".join(line.text for line in rows)
    score = min(line.score for line in rows)
    piece = Piece("word", text, rows[0].box, 0, 0, score)
    return asked.judged(piece, Typed(text), None, _NO_LABEL_NEEDED * score)


def _second_look(asked: Asked, label: Label, habit: Side | None) -> Finding | None:
    """Recognise, without detection, the place where a known label's value should be: the detector may miss it."""
    sight = asked.sight
    box = _should_be(label.box, habit, sight)
    if box is None or any(piece.box.overlaps(box) for piece in sight.pieces):
        return None
    line = sight.look(box)
    pieces = pieces_of([line]) if line.text else []
    told = [(piece, value) for piece in pieces if (value := asked.typed(piece)) is not None]
    if len(told) != 1 or asked.field.kind == "text" or line.score < _SURE_SECOND_LOOK:
        return None
    piece, value = told[0]
    return asked.judged(piece, value, label.box, label.similarity * line.score * _NO_LABEL_NEEDED)


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
