"""The second read of a value: its line recognised once more, padded, and what the place says then.

Where ink goes on beyond the line's box the detector may have cut the value, and it is read a third time, wider:
"+53.80%" without its beginning is another number. What the picture's own edge may cut off is no value either.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import reduce

from foureyes.engine.ink import contrast
from foureyes.engine.line import Line
from foureyes.engine.pieces import Piece, pieces_of
from foureyes.engine.sight import Sight
from foureyes.engine.stance import covers, in_row
from foureyes.picture import Box
from foureyes.schema.document import READ_TWICE, Field
from foureyes.schema.values import MINUS_SIGNS

_KINDS_OF_NUMBERS = READ_TWICE - {"time"}
_EDGE = 0.4
"""How far, in heights, beyond a box ink may not go on."""
_GLUED = re.compile(r"(?<=[^\W\d_]{3})(?=\d)")
_MARGIN = 0.25
"""Room, in heights, that is left between a whole number and the picture's edge: digits stand closer together."""
_LOOSE = 0.15
"""Of a box's height, at its top and its foot: there is none of its ink, but a frame's corner may be there."""
_INK = 0.35
"""Of the contrast inside a box: more beyond it is ink and no shade of the background."""


def read_again(field: Field, piece: Piece, sight: Sight) -> Piece | None:
    """What stands in a piece's place at the second read; None where nothing does."""
    return _there(field, piece, [sight.again(box) for box in piece.lines])


def continued(field: Field, piece: Piece, sight: Sight) -> Piece | None:
    """What a piece is the rest of, where more of it stands beyond its line's box; else None."""
    wider = _wider(reduce(Box.union, piece.lines), sight)
    seen = _there(field, piece, [sight.look(wider)]) if wider is not None else None
    return seen if seen is not None and _is_part(_figures(piece.text), _figures(seen.text)) else None


def is_cut_off(piece: Piece, sight: Sight) -> bool:
    """Whether a piece's ink reaches the picture's edge, so that more of it may stand outside.

    A frame runs along the edge: what does not change along it is no ink of the piece.
    """
    pixels, box = sight.pixels, piece.box
    height, width = pixels.shape[:2]
    margin, loose = round(_MARGIN * box.height), round(_LOOSE * box.height)
    sides = [
        Box(0, box.y + loose, margin, box.height - 2 * loose) if box.x < 2 * margin else None,
        Box(width - margin, box.y + loose, margin, box.height - 2 * loose)
        if box.right > width - 2 * margin
        else None,
    ]
    ends = [
        Box(box.x, 0, box.width, 1) if box.y < margin else None,
        Box(box.x, height - 1, box.width, 1) if box.bottom > height - margin else None,
    ]
    most = _INK * contrast(box.cut(pixels))
    down = [contrast(side.cut(pixels), 0) for side in sides if side is not None]
    across = [contrast(end.cut(pixels), 1) for end in ends if end is not None]
    return any(ink > most for ink in (*down, *across))


def _figures(text: str) -> str:
    """What makes a number another one: its digits and signs; dots that lead to it do not."""
    return "".join(re.findall(rf"[0-9({MINUS_SIGNS}]", text))


def _is_part(figures: str, of: str) -> bool:
    return figures in of and figures != of


def _there(field: Field, piece: Piece, lines: Sequence[Line]) -> Piece | None:
    place = _roomy(piece.box)
    found = [each for each in pieces_of([_parted(line) for line in lines if line.text]) if covers(place, each.box)]
    numbers = [each for each in found if each.kind == "number"]
    if field.kind in _KINDS_OF_NUMBERS and len(numbers) == 1:
        return numbers[0]
    return _run(found) if found else None


def _parted(line: Line) -> Line:
    """The line with a space between a word and the number behind it, where this read lost it ("Latency564 ms")."""
    for place in reversed([match.start() for match in _GLUED.finditer(line.text)]):
        centres = (*line.centres[:place], line.centres[place - 1], *line.centres[place:])
        line = replace(line, text=f"{line.text[:place]} {line.text[place:]}", centres=centres)
    return line


def _roomy(box: Box) -> Box:
    """At least as wide as high: where a single character stands is not told more exactly."""
    margin = max(0, (box.height - box.width) // 2)
    return Box(box.x - margin, box.y, box.width + 2 * margin, box.height)


def _run(pieces: Iterable[Piece]) -> Piece:
    first, *rest = pieces
    return reduce(lambda one, other: one.covering(other), rest, replace(first, text=first.whole, unit=""))


def _wider(box: Box, sight: Sight) -> Box | None:
    """The box with room on both sides, up to the next line's; None where no ink stands beside it."""
    beside = [line.box for line in sight.lines if in_row(line.box, box) and not line.box.overlaps(box)]
    left = max([0, box.x - box.height, *(other.right for other in beside if other.right <= box.x)])
    ends = [sight.pixels.shape[1], box.right + box.height, *(other.x for other in beside if other.x >= box.right)]
    reach, most = round(_EDGE * box.height), _INK * contrast(box.cut(sight.pixels))
    before = Box(max(left, box.x - reach), box.y, box.x - max(left, box.x - reach), box.height)
    behind = Box(box.right, box.y, min(*ends, box.right + reach) - box.right, box.height)
    if all(contrast(edge.cut(sight.pixels)) <= most for edge in (before, behind)):
        return None
    return Box(left, box.y, min(ends) - left, box.height)
