"""A minus that is seen but was not read: the recogniser leaves a short bar out, mostly before a currency's sign.

"-€9.76" in small type is read "€9.76", twice alike: the pixels before the amount are what tells.
"""

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

_SIGNED = re.compile(rf"[{MINUS_SIGNS}(+]")
_REACH = 0.9
"""How far before a box, in its heights, its minus may stand."""
_GAP = 0.45
"""In heights, between a minus and what it belongs to: a dash farther away parts words."""
_TALL, _THIN, _LEAST_WIDTH = 0.4, 0.12, 0.11
"""In heights: ink of a digit or a currency's sign, of a bar, and how wide a bar is that is no tip of a 4."""
_MIDDLE = (0.35, 0.75)
"""Where a bar's centre is, from the top of what it stands before to its foot: no arm of an r, no full stop."""


def has_unread_minus(piece: Piece, sight: Sight) -> bool:
    """Whether a bar stands directly before a number in whose text there is no sign."""
    if _SIGNED.search(piece.whole):
        return False
    height, crop = piece.box.height, _before(piece.box, sight)
    tops, feet = extents(ink_mask(crop.cut(sight.pixels)))
    tall = np.flatnonzero(feet - tops >= _TALL * height)
    tall = tall[tall >= piece.box.x - crop.x - _GAP * height]  # a character's place is not exact
    if not tall.size:
        return False
    first = int(tall[0])
    centres = ((tops + feet) / 2 - tops[first]) / (feet[first] - tops[first])
    high = feet - tops
    is_flat = (high > 0) & (high <= max(2, _THIN * height))
    is_bar = is_flat & (centres >= _MIDDLE[0]) & (centres <= _MIDDLE[1])
    start = max(0, first - round((_GAP + _TALL) * height))
    return _longest_run(is_bar[start:first], high[start:first] == 0) >= _LEAST_WIDTH * height


def _before(box: Box, sight: Sight) -> Box:
    """Where a minus and what it belongs to would stand, up to what is read before it in its row."""
    beside = (line.box for line in sight.lines if in_row(line.box, box) and line.box.right <= box.x)
    left = max([0, box.x - round(_REACH * box.height), *(other.right for other in beside)])
    return Box(left, box.y, box.x + box.height - left, box.height)


def _longest_run(columns: npt.NDArray[np.bool_], blank: npt.NDArray[np.bool_]) -> int:
    """Of the runs before which nothing stands: the arm of an r, the foot of an e, stands behind its letter."""
    edges = np.diff(np.concatenate([[0], columns.astype(np.int8), [0]]))
    starts, ends = np.flatnonzero(edges == 1), np.flatnonzero(edges == -1)
    is_free = (starts == 0) | blank[starts - 1]
    return int(np.max((ends - starts)[is_free], initial=0))
