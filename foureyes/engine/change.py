"""What changed between two pictures of one stream, exactly compared: known lines, and windows around the rest."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
import numpy.typing as npt

from foureyes.engine.ink import ink_mask
from foureyes.picture import Box, Pixels

_TILE_PX = 16
_REACH_PX = 32
"""Changes closer than this are one change, and a window reaches so far beyond what changed."""
_RINGING_PX = 16
"""So far JPEG carries a change beyond it: one block of halved colour."""
_RINGING_SHARE = 0.07
"""Of a line's strongest change: JPEG of quality 90 leaves less (measured), writing as strong as the line more."""
_SAME_LAYOUT = 0.2
"""In heights: by how much a line's edges and its widest gap may move while its box still fits."""


def rewritten(apart: Pixels, old: Pixels, new: Pixels, boxes: Sequence[Box]) -> list[Box]:
    """The boxes of known lines in which something else is written that fills them as the old text did."""
    return [box for box in boxes if box.cut(apart).any() and _fills_alike(box.cut(old), box.cut(new))]


def beyond(apart: Pixels, same: Sequence[Box], boxes: Sequence[Box]) -> Pixels:
    """The difference outside the same boxes, without the ringing that their changes leave between all boxes."""
    height, width = apart.shape
    rest = apart.copy()
    for box in same:
        around = box.widened(_RINGING_PX, width, height).cut(rest)
        around[around < _RINGING_SHARE * int(box.cut(apart).max())] = 0
        box.cut(rest)[:] = 0
    for box in boxes:
        if box not in same:
            box.cut(rest)[:] = box.cut(apart)
    return rest


def _fills_alike(old: Pixels, new: Pixels) -> bool:
    before, now = _layout(old), _layout(new)
    if before is None or now is None:
        return False
    return all(abs(one - other) <= _SAME_LAYOUT * len(new) for one, other in zip(before, now, strict=True))


def _layout(crop: Pixels) -> tuple[int, int, int, int, int] | None:
    """First and last row and column with ink, and the widest gap; None where a frame or nothing is drawn.

    Columns are those of the middle rows: a line above or below the text would fill them all.
    """
    mask = ink_mask(crop)
    middle = mask[len(mask) // 4 : -len(mask) // 4]
    rows, columns = np.flatnonzero(mask.any(axis=1)), np.flatnonzero(middle.any(axis=0))
    if not columns.size or _touches_edge(rows, len(crop)) or _touches_edge(columns, crop.shape[1]):
        return None
    gap = int(np.diff(columns, prepend=columns[0]).max())
    return int(rows[0]), int(rows[-1]), int(columns[0]), int(columns[-1]), gap


def _touches_edge(inked: npt.NDArray[np.intp], length: int) -> bool:
    return bool(inked[0] == 0 or inked[-1] == length - 1)


def changed_windows(apart: Pixels) -> list[Box]:
    """Return boxes that hold every differing pixel, with room around them."""
    height, width = apart.shape
    tiles = _differing_tiles(apart)
    if not tiles.any():
        return []
    reach = _REACH_PX // _TILE_PX
    grown = cv2.dilate(tiles, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(grown)
    frame = Box(0, 0, width, height)
    return [_cut(Box(*(int(edge) * _TILE_PX for edge in blob[:4])), frame) for blob in stats[1:]]


def _differing_tiles(apart: Pixels) -> Pixels:
    """1 for each tile with a pixel that differs."""
    largest_from_here = cv2.dilate(apart, np.ones((_TILE_PX, _TILE_PX), np.uint8), anchor=(0, 0))
    return np.asarray(largest_from_here[::_TILE_PX, ::_TILE_PX] > 0, np.uint8)


def _cut(box: Box, frame: Box) -> Box:
    right, bottom = min(box.right, frame.width), min(box.bottom, frame.height)
    return Box(box.x, box.y, right - box.x, bottom - box.y)


def holding(windows: Sequence[Box], boxes: Sequence[Box]) -> list[Box]:
    """Grow windows until each box is wholly inside one or touches none, and no two windows overlap."""
    grown = list(windows)
    while True:
        merged = _disjoint([_swallow(window, boxes) for window in grown])
        if merged == grown:
            return grown
        grown = merged


def _swallow(window: Box, boxes: Sequence[Box]) -> Box:
    for box in boxes:
        if box.overlaps(window):
            window = window.union(box)
    return window


def _disjoint(windows: Sequence[Box]) -> list[Box]:
    kept: list[Box] = []
    for window in windows:
        merged = window
        while touching := [other for other in kept if other.overlaps(merged)]:
            for other in touching:
                kept.remove(other)
                merged = merged.union(other)
        kept.append(merged)
    return kept
