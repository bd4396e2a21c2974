"""The model `ocr`: each field by its label and its type, or alone in a picture of its own."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from foureyes.engine.answer import Answer, Finding, Reason, answer_of, corners, withheld
from foureyes.engine.association import Association, associate
from foureyes.engine.company import kept_company
from foureyes.engine.judging import Asked
from foureyes.engine.line import Line
from foureyes.engine.offers import Label, Match
from foureyes.engine.pieces import Piece, pieces_of
from foureyes.engine.place import should_be
from foureyes.engine.sight import Sight
from foureyes.engine.stance import covers, in_row
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
    return kept_company(here, {**findings, **alone})


def _labelled(asked: Asked, found: Association) -> Finding:
    labels = found.labels.get(asked.field.name)
    if not labels:
        return withheld(_missing(asked.sight))
    read_here = [_finding(asked, match) for match in found.matches.get(asked.field.name, ())]
    told = [finding for finding in read_here if finding is not None]
    if not told and len(labels) == 1:
        told = [again] if (again := _second_look(asked, labels[0], found)) else []
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
    rows = [line for line in sight.lines if not any(covers(label.box, line.box) for label in names)]
    if not rows:
        return withheld(_missing(sight))
    text = " ".join(line.text for line in rows)
    score = min(line.score for line in rows)
    piece = Piece("word", text, rows[0].box, 0, 0, score)
    return asked.judged(piece, Typed(text), None, _NO_LABEL_NEEDED * score)


def _second_look(asked: Asked, label: Label, found: Association) -> Finding | None:
    """Recognise, without detection, the place where a known label's value should be: the detector may miss it."""
    sight = asked.sight
    box = should_be(label, found, sight.pixels.shape[1], sight.pixels.shape[0])
    if box is None or any(covers(piece.box, box) for piece in sight.pieces):
        return None
    seen = _seen(asked, box)
    if seen is None or seen.score < _SURE_SECOND_LOOK:
        return None
    value = asked.typed(seen)
    sure = label.similarity * seen.score * _NO_LABEL_NEEDED
    return asked.judged(seen, value, label.box, sure) if value else None


def _seen(asked: Asked, box: Box) -> Piece | None:
    """The value in a place, if it ends there: half a number is another number."""
    sight = asked.sight
    seen = _only_value(asked, sight.look(box))
    wider = _only_value(asked, sight.look(_wider(box, sight)))
    if seen is None or wider is None or wider.text != seen.text:
        return None
    if seen.score >= _SURE_SECOND_LOOK:
        return seen
    closer = _only_value(asked, sight.look(seen.box))  # what leads to a value blurs its line
    return closer if closer is not None and closer.text == seen.text else None


def _wider(box: Box, sight: Sight) -> Box:
    """The place with room on both sides, up to the next line's: what is read there belongs to that."""
    beside = [line.box for line in sight.lines if in_row(line.box, box) and not covers(line.box, box)]
    before = [other.right for other in beside if other.right <= box.x + box.width // 2]
    behind = [other.x for other in beside if other.x >= box.x + box.width // 2]
    left = max([0, box.x - 2 * box.height, *before])
    right = min([sight.pixels.shape[1], box.right + 2 * box.height, *behind])
    return Box(left, box.y, right - left, box.height)


def _only_value(asked: Asked, line: Line) -> Piece | None:
    """The one piece of a line that can be the field's value; words could be anything."""
    values = [piece for piece in pieces_of([line]) if asked.typed(piece) is not None] if line.text else []
    return values[0] if len(values) == 1 and asked.field.kind != "text" else None


_SURE_SECOND_LOOK = 0.9
"""Score below which the second look saw a pattern: nothing had said that there is text."""
