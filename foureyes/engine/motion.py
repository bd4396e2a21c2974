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


_CUT_INSIDE, _CUT_OUTSIDE = 0.98, 0.25
"""Shares of changed pixels in the region, and around it, from which the whole scene has become another one."""

Fractions = tuple[float, float, float, float]


@dataclass(frozen=True)
class Motion:
    """Share of the region's pixels that changed, and the verdict: None where it cannot be told."""

    share: float
    moving: bool | None
    confidence: float


def motion(new: Pixels, old: Pixels, region: Fractions | None = None) -> Motion | None:
    """Tell motion in a region (x, y, width, height as fractions) of two pictures; None where their sizes differ.

    A cut, where a dialog opens or one screen follows another, is no motion: nothing can be told from it.
    """
    if new.shape != old.shape:
        return None
    quiet = np.asarray(cv2.inRange(cv2.blur(cv2.absdiff(new, old), (3, 3)), _NOTHING, _LARGEST_NOISE), np.uint8)
    inside = part(quiet, region)
    moved = inside.size - cv2.countNonZero(inside)
    around, moved_around = quiet.size - inside.size, quiet.size - cv2.countNonZero(quiet) - moved
    share = moved / inside.size
    if share >= _CUT_INSIDE or (around and moved_around / around >= _CUT_OUTSIDE):
        return Motion(share, moving=None, confidence=0.0)
    if share >= _MOVING_SHARE:
        return Motion(share, moving=True, confidence=min(1.0, 0.5 + 0.5 * share / _CLEAR_SHARE))
    if share <= _MOVING_SHARE / 2:
        return Motion(share, moving=False, confidence=1.0 - 0.5 * share / _MOVING_SHARE)
    return Motion(share, moving=None, confidence=0.0)


def part(pixels: Pixels, fractions: Fractions | None) -> Pixels:
    """The part of a picture that x, y, width and height as fractions of it name; all of it for None."""
    if fractions is None:
        return pixels
    height, width = pixels.shape[:2]
    x, y, across, down = fractions
    left, top = round(x * width), round(y * height)
    return Box(left, top, max(1, round(across * width)), max(1, round(down * height))).cut(pixels)
