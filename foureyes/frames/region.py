"""A region: a rectangle of a frame in fractions of its width and height."""

from __future__ import annotations

import math
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
        left = math.floor(min(self.x * frame_width, frame_width - 1) / edge_px) * edge_px
        top = math.floor(min(self.y * frame_height, frame_height - 1) / edge_px) * edge_px
        right = min(frame_width, math.ceil((self.x + self.width) * frame_width / edge_px) * edge_px)
        bottom = min(frame_height, math.ceil((self.y + self.height) * frame_height / edge_px) * edge_px)
        return Box(left, top, max(1, right - left), max(1, bottom - top))


WHOLE = Region()
