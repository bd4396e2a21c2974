"""How large the type in a box is: boxes of the detector are too loose to tell, the ink in them is not."""

from __future__ import annotations

import cv2
import numpy as np

from foureyes.picture import Box, Pixels

_BODY_SHARE = 0.15
"""Of the fullest row's ink: rows with less are dollar strokes and commas that reach beyond the digits."""
_CAPITALS = 0.72
"""Height of a digit or capital over the size of its type."""


def type_size_px(pixels: Pixels, box: Box) -> int:
    """The size of the type in a box: height of its digits and capitals, as a font's size is given."""
    crop = box.cut(pixels)
    if crop.size == 0:
        return 0
    paper = np.median(np.concatenate([crop[0], crop[-1]]), axis=0)
    contrast = np.abs(crop.astype(np.int16) - paper.astype(np.int16)).max(axis=2).astype(np.uint8)
    _, ink = cv2.threshold(contrast, 0, 1, cv2.THRESH_BINARY | cv2.THRESH_OTSU)
    rows = np.asarray(ink).sum(axis=1)
    body = np.flatnonzero(rows > _BODY_SHARE * rows.max()) if rows.any() else np.empty(0, int)
    return round((int(body[-1]) - int(body[0]) + 1) / _CAPITALS) if body.size else 0
