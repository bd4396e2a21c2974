"""Columns of a page: texts that stand under each other, and what that tells of words that are no labels."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from foureyes.engine.labels import folded
from foureyes.engine.offers import Label
from foureyes.engine.pieces import Piece
from foureyes.engine.stance import aligned, in_row

_LEAST_ROWS = 3
_LEAST_BELOW = 2

IsValue = Callable[[Label, Piece], bool]
"""Whether a word can be the value of a label."""


def notes(free: Sequence[Piece], labels: Sequence[Label], is_value: IsValue) -> list[Piece]:
    """Words between labels and numbers that say the same in several rows ("ok", "new"): they name nothing."""
    numbers = [piece for piece in free if piece.kind == "number"]
    beside = [piece for piece in free if piece.kind == "word" and _is_beside(piece, labels, is_value)]
    found: list[Piece] = []
    for word in beside:
        column = [other for other in beside if aligned(word.box, other.box)]
        if _repeats(column) and not any(_is_behind_number(other, numbers, labels) for other in column):
            found.append(word)
    return found


def _is_beside(word: Piece, labels: Iterable[Label], is_value: IsValue) -> bool:
    own = [label for label in labels if label.box.right < word.box.x and in_row(label.box, word.box)]
    return bool(own) and not any(is_value(label, word) for label in own)


def _is_behind_number(word: Piece, numbers: Iterable[Piece], labels: Iterable[Label]) -> bool:
    """Whether a number stands between a word and a label of its row: then the label has its value already."""
    rows = [label.box for label in labels if label.box.right < word.box.x and in_row(label.box, word.box)]
    between = [number.box for number in numbers if number.box.x < word.box.x and in_row(number.box, word.box)]
    return any(row.right <= box.x for row in rows for box in between)


def _repeats(column: Sequence[Piece]) -> bool:
    return len(column) >= _LEAST_ROWS and len({folded(piece.text) for piece in column}) < len(column)


def headings(words: Iterable[Piece], numbers: Sequence[Piece], labels: Sequence[Label]) -> list[Piece]:
    """Words above a column of numbers that have a label each in their row: they do not name the first one."""
    rowed = [number for number in numbers if any(_is_of_row(label, number) for label in labels)]
    return [word for word in words if _has_below(word, rowed)]


def _is_of_row(label: Label, number: Piece) -> bool:
    return label.box.right <= number.box.x and in_row(label.box, number.box)


def _has_below(word: Piece, numbers: Iterable[Piece]) -> bool:
    under = [number for number in numbers if number.box.y >= word.box.bottom - 2 and aligned(word.box, number.box)]
    return len(under) >= _LEAST_BELOW
