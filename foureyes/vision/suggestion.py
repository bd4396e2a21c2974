"""Regions by themselves: where each field stands on a picture, with room for its value to grow."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from typing import Any

from foureyes.frames.region import Region
from foureyes.picture import Box

_ROOM_BESIDE = 2.0
"""Heights of the value left free on either side: about four more digits."""
_ROOM_ABOVE = 0.5
_STEPS = 10_000
"""Regions are written in ten-thousandths of the picture."""


def suggested(evidence: Mapping[str, Mapping[str, Any]], width: int, height: int) -> dict[str, Region]:
    """A region for each field that was found in a picture of `width` x `height` pixels, by its evidence.

    It holds the field's label and value and touches no other field's.
    """
    places = {name: boxes for name, entry in evidence.items() if (boxes := _boxes(entry))}
    regions = {}
    for name, own in places.items():
        others = [box for other, boxes in places.items() if other != name for box in boxes]
        regions[name] = _as_region(_roomy(own, others, width, height), width, height)
    return regions


def _boxes(entry: Mapping[str, Any]) -> list[Box]:
    """The value's box, then its label's; none where no value was seen."""
    if entry.get("box") is None:
        return []
    return [Box(*corners) for corners in (entry["box"], entry.get("label_box")) if corners is not None]


def _roomy(own: Sequence[Box], others: Sequence[Box], width: int, height: int) -> Box:
    around = own[0] if len(own) == 1 else own[0].union(own[1])
    beside, above = round(_ROOM_BESIDE * own[0].height), round(_ROOM_ABOVE * own[0].height)
    left, top = max(0, around.x - beside), max(0, around.y - above)
    right, bottom = min(width, around.right + beside), min(height, around.bottom + above)
    for other in others:
        if other.overlaps(Box(left, top, right - left, bottom - top)):
            left = max(left, other.right) if other.right <= around.x else left
            right = min(right, other.x) if other.x >= around.right else right
            top = max(top, other.bottom) if other.bottom <= around.y else top
            bottom = min(bottom, other.y) if other.y >= around.bottom else bottom
    return Box(left, top, right - left, bottom - top)


def _as_region(box: Box, width: int, height: int) -> Region:
    """Rounded inward, so that no region reaches over the picture's edge or into a neighbour."""
    left, top = math.ceil(box.x / width * _STEPS), math.ceil(box.y / height * _STEPS)
    right, bottom = math.floor(box.right / width * _STEPS), math.floor(box.bottom / height * _STEPS)
    return Region(left / _STEPS, top / _STEPS, round(right - left) / _STEPS, round(bottom - top) / _STEPS)
