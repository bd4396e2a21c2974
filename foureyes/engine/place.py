"""Where a label's value should stand, by where the page's other values do."""

from __future__ import annotations

from collections.abc import Sequence
from statistics import median_high, median_low

from foureyes.engine.association import Association
from foureyes.engine.offers import IN_ROW, Label, Match
from foureyes.engine.stance import aligned, in_row
from foureyes.picture import Box


def should_be(label: Label, found: Association, width: int, height: int) -> Box | None:
    """The place of a value that was not found, inside a picture of so many pixels; None where none is likely."""
    others = [match for matches in found.matches.values() for match in matches]
    places = [place for match in others if (place := _as_there(label.box, match)) is not None]
    box = _together(places) if places else _beside(label.box, found)
    return _cut(box, width, height, label.box.height // 2) if box else None


def _as_there(label: Box, match: Match) -> Box | None:
    """The place by one other pair: of labels in a column the values are, and of labels in a row as well."""
    other, value = match.label.box, match.value.box
    lower_by = label.y + label.height // 2 - other.y - other.height // 2
    below = Box(value.x, value.y + lower_by, value.width, value.height)
    if match.side in IN_ROW:
        return below if aligned(label, other) else None
    return Box(value.x + label.x - other.x, below.y, value.width, value.height) if in_row(label, other) else None


def _together(places: Sequence[Box]) -> Box:
    """As wide as all of them, as high as one: boxes are loose, and another line stands close above or below."""
    left, right = min(place.x for place in places), max(place.right for place in places)
    top, bottom = median_high(place.y for place in places), median_low(place.bottom for place in places)
    return Box(left, top, right - left, bottom - top)


def _beside(label: Box, found: Association) -> Box | None:
    if found.habit in {*IN_ROW, None}:
        return Box(label.right + 2, label.y, 6 * label.height, label.height)
    if found.habit == "below":
        return Box(label.x, label.bottom, max(label.width, 4 * label.height), round(1.5 * label.height))
    return None


def _cut(box: Box, width: int, height: int, least: int) -> Box | None:
    x, y = max(0, box.x), max(0, box.y)
    cut = Box(x, y, min(box.right, width) - x, min(box.bottom, height) - y)
    return cut if cut.width > least and cut.height > least else None
