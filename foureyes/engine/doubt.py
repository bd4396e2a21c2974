"""Numbers that may not be a label's value: half of a torn number ("17 85"), or part of a name ("CPU 2   45%")."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from foureyes.engine.offers import Layout, Match
from foureyes.engine.pieces import Piece


def doubted(matches: Sequence[Match], layout: Layout) -> list[Match]:
    """The matches, with no margin for those whose number another one follows that belongs to no label."""
    owned = [match.value for match in matches]
    loose = [piece for piece in layout.free if piece.kind == "number" and piece not in owned]
    return [replace(match, margin=0.0) if _is_doubtful(match, loose, layout) else match for match in matches]


def _is_doubtful(match: Match, loose: Iterable[Piece], layout: Layout) -> bool:
    value = match.value
    is_name = match.side == "behind" and value.text.isdecimal() and not value.unit
    return any(
        _are_torn(value, other) or _are_torn(other, value) or (is_name and _follows(value, other, layout))
        for other in loose
    )


def _are_torn(left: Piece, right: Piece) -> bool:
    """Whether two numbers stand side by side in one run of text with nothing but a space between their digits."""
    are_neighbours = (left.row, left.order + 1) == (right.row, right.order)
    return are_neighbours and left.whole[-1].isdecimal() and right.whole[0].isdecimal() and not right.led


def _follows(value: Piece, other: Piece, layout: Layout) -> bool:
    side, _ = layout.side(value.box, other.box)
    return side == "right"
