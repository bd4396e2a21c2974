"""How two boxes of text stand to each other: on which side, how far off, and whether another stands between."""

from __future__ import annotations

import math
from collections.abc import Iterable
from typing import Literal

from foureyes.picture import Box

Side = Literal["behind", "right", "below", "above", "before"]

_FARTHEST_DOWN = 2.2
_RIGHT_WEIGHT = 0.45
"""Of the square root: a value at the end of a row stands far from its label, and yet alone with it."""
_LIKE_EDGES = 0.5
"""How far apart, in heights, edges may be that stand above each other."""
_LAP = 0.7
"""By how much, in heights, boxes that stand beside each other may overlap: they are loose."""
_LARGER_BY = 6.0
"""A value may be so much taller than its label, or the other way round, and still be its value."""


def stance(label: Box, value: Box, farthest_right: float) -> tuple[Side | None, float]:
    """On which side of a label a value stands, and how far off, in heights of the smaller text."""
    lower, higher = sorted((label.height, value.height))
    if higher > _LARGER_BY * lower:
        return None, 0.0
    across = min(label.right, value.right) - max(label.x, value.x)
    down = min(label.bottom, value.bottom) - max(label.y, value.y)
    if down > 0.5 * lower and value.x >= label.right - _LAP * lower:
        gap = max(0, value.x - label.right)
        if gap > farthest_right * reach(label, value):
            return None, 0.0
        return "right", math.sqrt(gap / lower) * _RIGHT_WEIGHT
    gap = max(value.y - label.bottom, label.y - value.bottom)
    if across <= 0 or gap < -0.5 * lower or gap > _FARTHEST_DOWN * higher:
        return None, 0.0
    return ("below" if value.y > label.y else "above"), max(0, gap) / lower + _skew(label, value)


def reach(label: Box, value: Box) -> int:
    """The height by which the way from a label to a value right of it is told.

    Small type far off a large label is another's; but a box around a single digit is low by itself.
    """
    return label.height if value.width <= value.height else min(label.height, value.height)


def aligned(one: Box, other: Box) -> bool:
    """Whether two texts stand under each other: left edges, middles or right edges above each other."""
    offsets = (one.x - other.x, one.x + one.right - other.x - other.right, one.right - other.right)
    slack = _LIKE_EDGES * min(one.height, other.height)
    return any(abs(offset) <= slack for offset in (offsets[0], offsets[1] / 2, offsets[2]))


def in_row(one: Box, other: Box) -> bool:
    """Whether two texts stand beside each other: the middle of either is at the height of the other."""
    middles = one.y + one.height / 2, other.y + other.height / 2
    return one.y <= middles[1] < one.bottom or other.y <= middles[0] < other.bottom


def covers(one: Box, other: Box) -> bool:
    """Whether the middle of either is in the other: boxes are loose, and those of neighbours overlap."""
    return in_row(one, other) and (_across(one, other) or _across(other, one))


def _across(one: Box, other: Box) -> bool:
    return one.x <= other.x + other.width / 2 < one.right


def _skew(label: Box, value: Box) -> float:
    """How badly two boxes are aligned: 0 where left edges, middles or right edges stand above each other."""
    offsets = (
        abs(label.x - value.x),
        abs(label.x + label.width / 2 - value.x - value.width / 2),
        abs(label.right - value.right),
    )
    return min(1.0, min(offsets) / max(label.width, value.width))


def blocked(label: Box, value: Box, obstacles: Iterable[Box]) -> bool:
    """Whether another text stands between the two."""
    left, right = sorted((label, value), key=lambda box: box.x + box.width / 2)
    upper, lower = sorted((label, value), key=lambda box: box.y + box.height / 2)
    if min(label.right, value.right) > max(label.x, value.x):
        x = max(label.x, value.x)
        between = Box(x, upper.bottom, min(label.right, value.right) - x, lower.y - upper.bottom)
    else:
        y = max(label.y, value.y)
        between = Box(left.right, y, right.x - left.right, min(label.bottom, value.bottom) - y)
    inner = between.width > 0 and between.height > 0
    return inner and any(_fills(box, between) for box in obstacles if box not in (label, value))


def _fills(box: Box, between: Box) -> bool:
    """Whether the middle of a text stands between, or the text crosses all of it."""
    if not box.overlaps(between):
        return False
    middle = box.x + box.width / 2, box.y + box.height / 2
    inside = between.x <= middle[0] < between.right and between.y <= middle[1] < between.bottom
    crosses = box.x <= between.x and box.right >= between.right
    return inside or (crosses and between.y <= middle[1] < between.bottom)
