"""The second read of a value: its line recognised once more, padded, and what the place says then."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import reduce

from foureyes.engine.pieces import Piece, pieces_of
from foureyes.engine.sight import Sight
from foureyes.engine.stance import covers
from foureyes.schema.document import Field

READ_TWICE = frozenset({"money", "percent", "number", "integer", "time"})
"""Kinds of values in which one wrong character is another value; words and labels are read once."""
_KINDS_OF_NUMBERS = READ_TWICE - {"time"}


def read_again(field: Field, piece: Piece, sight: Sight) -> Piece | None:
    """What stands in a piece's place at the second read; None where nothing does."""
    found = [each for each in pieces_of([sight.again(box) for box in piece.lines]) if covers(piece.box, each.box)]
    numbers = [each for each in found if each.kind == "number"]
    if field.kind in _KINDS_OF_NUMBERS and len(numbers) == 1:
        return numbers[0]
    return _run(found) if found else None


def _run(pieces: Sequence[Piece]) -> Piece:
    first, *rest = pieces
    return reduce(lambda one, other: one.covering(other), rest, replace(first, text=first.whole, unit=""))
