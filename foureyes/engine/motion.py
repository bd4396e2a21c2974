"""Whether something moves between two pictures of one region, and how sure that is."""

from __future__ import annotations

from dataclasses import dataclass

import cv2
import numpy as np

from foureyes.picture import Box, Pixels

_CHANGED = 12
"""3x3 mean of the absolute difference above which a pixel counts as changed; noise of a JPEG stays below."""
_NOTHING = np.zeros(3)
_LARGEST_NOISE = np.full(3, float(_CHANGED))
_MOVING_SHARE = 0.01
"""Share of changed pixels from which a region moves; a clock or a blinking cursor stays below."""
_CLEAR_SHARE = 0.05


@dataclass(frozen=True)
class Motion:
    """Share of the region's pixels that changed, and the verdict: None where it is too close to tell."""

    share: float
    moving: bool | None
    confidence: float


def motion(new: Pixels, old: Pixels) -> Motion | None:
    """Compare two pictures of one region; None where their sizes differ, which is no pair."""
    if new.shape != old.shape:
        return None
    smooth = cv2.blur(cv2.absdiff(new, old), (3, 3))
    quiet = cv2.inRange(smooth, _NOTHING, _LARGEST_NOISE)
    share = 1.0 - cv2.countNonZero(quiet) / quiet.size
    if share >= _MOVING_SHARE:
        return Motion(share, moving=True, confidence=min(1.0, 0.5 + 0.5 * share / _CLEAR_SHARE))
    if share <= _MOVING_SHARE / 2:
        return Motion(share, moving=False, confidence=1.0 - 0.5 * share / _MOVING_SHARE)
    return Motion(share, moving=None, confidence=0.0)


def part(pixels: Pixels, fractions: tuple[float, float, float, float] | None) -> Pixels:
    """The part of a picture that x, y, width and height as fractions of it name; all of it for None."""
    if fractions is None:
        return pixels
    height, width = pixels.shape[:2]
    x, y, across, down = fractions
    left, top = round(x * width), round(y * height)
    return Box(left, top, max(1, round(across * width)), max(1, round(down * height))).cut(pixels)
