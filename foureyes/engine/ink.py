"""How large the type in a box is: boxes of the detector are too loose to tell, the ink in them is not."""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from foureyes.picture import Box, Pixels

_BODY_SHARE = 0.15
"""Of the fullest row's ink: rows with less are dollar strokes and commas that reach beyond the digits."""
_BLANK_SHARE = 0.08
"""Of the same: rows with no more stand between two lines."""
_LOW = 0.5
"""Of the tallest mark's height: what is lower is no digit."""
_SPECK = 0.25
"""Of a box's height: its digits are higher."""
_RULE, _FRAME = 0.75, 1.0
"""Share of a row, of a column, that is ink: no digits fill so much of a box with room around them."""
_ASCENDERS, _LOW_LETTERS, _DESCENDERS = 0.76, 0.56, 0.22
"""Of letters in lower case, over the size of their type: the largest of 21 typefaces, to be on the safe side."""
_CAPITALS = 0.72
"""Height of a digit or capital over the size of its type."""


def contrast(crop: Pixels, along: int | tuple[int, int] = (0, 1)) -> int:
    """The widest range of a channel's values in a crop, or in one of its columns (along 0) or rows (along 1)."""
    return int((crop.max(axis=along).astype(int) - crop.min(axis=along)).max()) if crop.size else 0


def ink_mask(crop: Pixels) -> npt.NDArray[np.uint8]:
    """1 where a crop has ink, of shape (height, width): what differs from the colour of most of it."""
    if crop.size == 0:
        return np.zeros(crop.shape[:2], np.uint8)
    _, mask = cv2.threshold(_depth(crop), 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    return np.asarray(mask, np.uint8)


def _depth(crop: Pixels) -> npt.NDArray[np.uint8]:
    """How far each pixel is from the paper's colour, in the channel that shows it most."""
    paper = np.median(crop.reshape(-1, crop.shape[2]), axis=0)
    return np.asarray(np.abs(crop.astype(np.int16) - paper.astype(np.int16)).max(axis=2), np.uint8)


def extents(mask: npt.NDArray[np.uint8]) -> tuple[npt.NDArray[np.intp], npt.NDArray[np.intp]]:
    """The first row of each column's ink and the one behind its last; both 0 where a column has none."""
    if not mask.any():
        return np.zeros(mask.shape[1], np.intp), np.zeros(mask.shape[1], np.intp)
    has_ink = mask.any(axis=0)
    feet = mask.shape[0] - np.argmax(mask[::-1], axis=0)
    return np.where(has_ink, np.argmax(mask, axis=0), 0), np.where(has_ink, feet, 0)


def type_size_px(pixels: Pixels, box: Box, text: str = "") -> int:
    """The size of the type in a box: height of its digits and capitals, as a font's size is given.

    A word in lower case has none: it is as high as its letters reach up and down.
    """
    left, right = max(0, box.x - box.height // 2), box.right + box.height // 2  # a character's place is not exact
    crop = pixels[box.y : box.bottom, left:right]
    characters = _characters(ink_mask(crop))
    rows = characters.sum(axis=1)
    if not rows.any():
        return 0
    if text.isalpha() and text.islower():
        return round(int(np.ptp(np.flatnonzero(rows)) + 1) / _reach(text))
    first, last = _body(rows)
    shade = _depth(crop)[:, characters.any(axis=0)].mean(axis=1)
    return round(min(last - first, _covered_px(shade, first, last)) / _CAPITALS)


def _reach(text: str) -> float:
    """Height over the size of its type of a word in lower case; dots count, as they may stand apart."""
    return (_ASCENDERS if set(text) - set("acegmnopqrsuvwxyz") else _LOW_LETTERS) + _DESCENDERS * bool(
        set(text) & set("gjpqy")
    )


def _characters(mask: npt.NDArray[np.uint8]) -> npt.NDArray[np.uint8]:
    """The ink without rules and frames, and without what is much lower than the rest: bars, dots and commas."""
    plain = mask * (mask.mean(axis=1, keepdims=True) < _RULE) * (mask.mean(axis=0, keepdims=True) < _FRAME)
    _, marks, sizes, _ = cv2.connectedComponentsWithStats(plain)
    left, top, width, height = sizes[:, : cv2.CC_STAT_AREA].T
    inside = (left > 0) & (top > 0) & (left + width < mask.shape[1]) & (top + height < mask.shape[0])
    inside[0] = False  # the paper
    tallest = int(height[inside].max(initial=0))
    if tallest < _SPECK * mask.shape[0]:  # digits that touch a frame are of one piece with it
        return np.asarray(plain, np.uint8)
    return np.asarray((inside & (height >= _LOW * tallest))[marks], np.uint8)


def _body(rows: npt.NDArray[np.integer]) -> tuple[int, int]:
    """The first row of the digits and the one behind the last: a border or another line stands apart."""
    blank = np.flatnonzero(rows <= _BLANK_SHARE * rows.max())
    stretch = max(np.split(np.arange(rows.size), blank), key=len)
    body = stretch[rows[stretch] > _BODY_SHARE * rows[stretch].max()]
    return int(body[0]), int(body[-1]) + 1


def _covered_px(shade: npt.NDArray[np.floating], first: int, last: int) -> float:
    """How many rows the digits would fill were each as dark as most: noise and blur darken one more in part.

    Of digits of 9 px none reaches 8.28, the least that counts as type of 12; of 12 px half do, of 14 px all.
    """
    full = max(1.0, float(np.median(shade[first:last])))
    return float(np.minimum(1.0, shade[max(0, first - 1) : last + 1] / full).sum())
