"""A label and its value of words in one run ("Status running"): only the schema can say where the label ends."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce

from foureyes.engine.labels import similarity
from foureyes.engine.pieces import Piece
from foureyes.engine.telling import Suits
from foureyes.schema.document import Field

_TOLD_BY_TYPE = frozenset({"enum", "boolean", "time"})


def split_at_labels(pieces: Sequence[Piece], fields: Sequence[Field], suits: Suits) -> list[Piece]:
    """The pieces with each run cut behind a field's label where the rest is a value of that field's type."""
    split: list[Piece] = []
    for piece in pieces:
        shift = sum(each.row == piece.row for each in split)
        split += [replace(part, order=shift + index) for index, part in enumerate(_parts(piece, fields, suits))]
    return split


def _parts(piece: Piece, fields: Sequence[Field], suits: Suits) -> list[Piece]:
    if piece.kind != "word" or len(piece.words) == 1:
        return [piece]
    as_it_stands = max(_likeness(field, piece.text) for field in fields)
    cuts = [
        (_run(piece.words[:cut]), _run(piece.words[cut:]))
        for cut in range(1, len(piece.words))
        for field in fields
        if field.kind in _TOLD_BY_TYPE
        and _likeness(field, _run(piece.words[:cut]).text) > as_it_stands
        and suits(field, _run(piece.words[cut:]))
    ]
    return [replace(cuts[0][0], leads=False), cuts[0][1]] if len(cuts) == 1 else [piece]


def _likeness(field: Field, text: str) -> float:
    return max(similarity(label, text) for label in field.labels)


def _run(words: Iterable[Piece]) -> Piece:
    return reduce(lambda one, other: one.covering(other), words)
