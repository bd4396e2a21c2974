"""Numbers that may not be a label's value: half of a torn number ("17 85"), or part of a name ("CPU 2   45%").

Nor may a number be that ends a scale, where the label stands in the middle of it ("0   Load   100").
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace

from foureyes.engine.offers import Label, Layout, Match
from foureyes.engine.pieces import Piece
from foureyes.engine.stance import in_row

_MIDWAY = 0.3
"""By how much, of the larger, the gaps on both sides of a label may differ that stands in the middle."""


def doubted(matches: Sequence[Match], numbers: Iterable[Piece], layout: Layout) -> list[Match]:
    """The matches, with no margin for those beside whose number another one stands that belongs to no label."""
    owned = [match.value for match in matches]
    loose = [piece for piece in numbers if piece not in owned]
    return [replace(match, margin=0.0) if _is_doubtful(match, loose, layout) else match for match in matches]


def _is_doubtful(match: Match, loose: Iterable[Piece], layout: Layout) -> bool:
    value = match.value
    is_name = match.side == "behind" and value.text.isdecimal() and not value.unit
    return any(
        _are_torn(value, other)
        or _are_torn(other, value)
        or (is_name and _follows(value, other, layout))
        or (match.side == "right" and _is_scale(other, match.label, value))
        for other in loose
    )


def _are_torn(left: Piece, right: Piece) -> bool:
    """Whether two numbers stand side by side in one run of text with nothing but a space between their digits."""
    are_neighbours = (left.row, left.order + 1) == (right.row, right.order)
    return are_neighbours and left.whole[-1].isdecimal() and right.whole[0].isdecimal() and not right.led


def _is_scale(other: Piece, label: Label, value: Piece) -> bool:
    """Whether a label stands in the middle between two numbers of its row."""
    before, behind = label.box.x - other.box.right, value.box.x - label.box.right
    return in_row(other.box, label.box) and before > 0 and abs(before - behind) <= _MIDWAY * max(before, behind)


def _follows(value: Piece, other: Piece, layout: Layout) -> bool:
    side, _ = layout.side(value.box, other.box)
    return side == "right"
