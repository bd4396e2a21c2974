"""What changed between two pictures of one stream: windows around the pixels that differ, exactly compared."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np

from foureyes.picture import Box, Pixels

_TILE_PX = 16
_NOTHING = np.zeros(3)
_REACH_PX = 32
"""Changes closer than this are one change, and a window reaches so far beyond what changed."""


def changed_windows(old: Pixels, new: Pixels) -> list[Box]:
    """Return boxes that hold every differing pixel of two pictures of one shape, with room around them."""
    height, width = new.shape[:2]
    equal = cv2.inRange(cv2.absdiff(old, new), _NOTHING, _NOTHING)
    tiles = _differing_tiles(np.asarray(equal, np.uint8))
    if not tiles.any():
        return []
    reach = _REACH_PX // _TILE_PX
    grown = cv2.dilate(tiles, np.ones((2 * reach + 1, 2 * reach + 1), np.uint8))
    _, _, stats, _ = cv2.connectedComponentsWithStats(grown)
    frame = Box(0, 0, width, height)
    return [_cut(Box(*(int(edge) * _TILE_PX for edge in blob[:4])), frame) for blob in stats[1:]]


def _differing_tiles(equal: Pixels) -> Pixels:
    """1 for each tile with a pixel that is not equal."""
    rows = np.minimum.reduceat(equal, np.arange(0, equal.shape[0], _TILE_PX), axis=0)
    tiles = np.minimum.reduceat(rows, np.arange(0, equal.shape[1], _TILE_PX), axis=1)
    return np.asarray(tiles == 0, np.uint8)


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
