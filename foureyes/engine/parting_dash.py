"""A dash between a label and its number ("CPU - 45 %") is read as the number's minus: the room around it tells."""

from __future__ import annotations

import re

import numpy as np
import numpy.typing as npt

from foureyes.engine.ink import extents, ink_mask
from foureyes.engine.pieces import Piece
from foureyes.engine.sight import Sight
from foureyes.engine.stance import in_row
from foureyes.picture import Box
from foureyes.schema.values import MINUS_SIGNS

_MINUS = re.compile(rf"[{MINUS_SIGNS}]")
_NEAR = 1.0
"""In heights, between a word and the dash behind it; farther off the two are in columns."""
_WITHIN = 0.6
"""In heights, from a number's box: its dash begins there."""
_THIN = 0.25
"""Of the height of all ink: no more is a dash."""
_MIDDLE = (0.3, 0.8)
"""Where a dash is, from the top to the foot of all ink: no full stop."""
_ROOM = 0.3
"""Of a digit's height, behind a dash with a space: 0.36 and more in 21 typefaces. A minus has up to 0.3, or 0.5
in typefaces of equal widths, where it has twice as much before it."""
_OF_ROOM_BEFORE = 0.6


def has_parting_dash(piece: Piece, sight: Sight) -> bool:
    """Whether a number's minus stands midway between a word and the number, with room on both sides."""
    if not _MINUS.match(piece.text) or not _is_behind_word(piece, sight):
        return False
    height = piece.box.height
    left = max(0, piece.box.x - round(_NEAR * height))
    crop = Box(left, piece.box.y, piece.box.right + height // 2 - left, height)  # a character's place is not exact
    tops, feet = extents(ink_mask(crop.cut(sight.pixels)))
    dash = _dash(tops, feet, piece.box.x - left + round(_WITHIN * height))
    if dash is None:
        return False
    before, behind = dash
    return behind >= _ROOM * int((feet - tops).max()) and behind >= _OF_ROOM_BEFORE * before


def _dash(tops: npt.NDArray[np.intp], feet: npt.NDArray[np.intp], end: int) -> tuple[int, int] | None:
    """The blank columns before and behind the last dash that begins before a column."""
    high = feet - tops
    inked = high > 0
    if not inked.any():
        return None
    top, foot = int(tops[inked].min()), int(feet.max())
    edges = np.flatnonzero(np.diff(np.concatenate([[0], inked, [0]]).astype(np.int8)))
    marks = list(zip(edges[::2], edges[1::2], strict=True))
    for (_, last), (start, stop), (following, _) in reversed(list(zip(marks, marks[1:], marks[2:], strict=False))):
        centre = (int(tops[start:stop].min()) + int(feet[start:stop].max())) / 2
        is_low = int(high[start:stop].max()) <= _THIN * (foot - top)
        if start < end and is_low and _MIDDLE[0] <= (centre - top) / (foot - top) <= _MIDDLE[1]:
            return int(start - last), int(following - stop)
    return None


def _is_behind_word(piece: Piece, sight: Sight) -> bool:
    before = [each.box for each in sight.pieces if each.kind == "word" and in_row(each.box, piece.box)]
    return any(box.x < piece.box.x <= box.right + _NEAR * piece.box.height for box in before)
