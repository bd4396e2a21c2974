"""A region: a rectangle of a frame in fractions of its width and height."""

from __future__ import annotations

from dataclasses import dataclass

from foureyes.picture import Box


@dataclass(frozen=True)
class Region:
    """x, y, width, height, each a fraction (0 to 1) of the frame."""

    x: float = 0.0
    y: float = 0.0
    width: float = 1.0
    height: float = 1.0

    def box(self, frame_width: int, frame_height: int, edge_px: int = 1) -> Box:
        """Return the region in pixels, its edges moved outward to multiples of `edge_px`, inside the frame."""
        fractions = (self.x, self.y, self.width, self.height)
        return Box.of_fractions(fractions, frame_width, frame_height, edge_px)


WHOLE = Region()
