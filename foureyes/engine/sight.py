"""What a text model is given: each picture with its page of lines, and leave to look once more at one place."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Any

from foureyes.engine.answer import corners
from foureyes.engine.line import Line
from foureyes.engine.pieces import Piece, pieces_of
from foureyes.picture import Box, Pixels


@dataclass(frozen=True)
class Sight:
    """One current picture of a request, read; `earlier` is the same region one look before, if it was sent."""

    index: int
    pixels: Pixels
    lines: tuple[Line, ...]
    complete: bool
    """Whether all text of the picture was read."""
    look: Callable[[Box], Line]
    """Recognise one place, without detection."""
    again: Callable[[Box], Line]
    """Recognise the place of a line a second time, padded."""
    earlier: Pixels | None = None

    def evidence(self, line: Line) -> dict[str, Any]:
        """What a finding shows of the line that told it."""
        return {
            "text": line.text,
            "box": corners(line.box),
            "picture": self.index,
            "px_height": line.box.height,
            "reads": 1,
            "score": round(line.score, 4),
        }

    @cached_property
    def pieces(self) -> list[Piece]:
        """The page's words and numbers."""
        return pieces_of(self.lines)
