"""A screen that is being drawn: its colours, its typeface, and texts at places."""

from __future__ import annotations

import random
from dataclasses import dataclass

from PIL import Image, ImageDraw

from parts.labelled.faces import Face

Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Theme:
    """Two ends of the paper's gradient, and the ink of values, labels and rules."""

    paper: tuple[Colour, Colour]
    card: Colour
    value: Colour
    label: Colour
    rule: Colour


THEMES = (
    Theme(((24, 26, 34), (24, 26, 34)), (40, 44, 56), (235, 235, 240), (160, 165, 180), (70, 75, 90)),
    Theme(((255, 255, 255), (255, 255, 255)), (242, 244, 247), (20, 20, 24), (95, 100, 110), (205, 208, 214)),
    Theme(((10, 14, 60), (60, 12, 80)), (30, 20, 84), (255, 222, 90), (220, 220, 255), (120, 90, 190)),
    Theme(((245, 236, 215), (225, 210, 180)), (250, 244, 230), (60, 30, 10), (115, 75, 40), (190, 165, 130)),
    Theme(((0, 60, 50), (0, 90, 70)), (0, 74, 60), (240, 255, 245), (160, 230, 200), (40, 130, 105)),
    Theme(((150, 20, 30), (110, 10, 20)), (126, 14, 24), (255, 255, 255), (255, 205, 190), (200, 80, 80)),
    Theme(((0, 0, 0), (0, 0, 0)), (18, 18, 18), (80, 255, 120), (60, 190, 90), (30, 90, 45)),
    Theme(((205, 220, 240), (235, 242, 250)), (255, 255, 255), (12, 40, 90), (70, 95, 140), (170, 190, 215)),
)


class Sheet:
    """A picture with a pen; `px` is the size of its values' type and `label_px` that of its labels'."""

    def __init__(
        self, rng: random.Random, size: tuple[int, int], face: Face, theme: Theme, px: float, label_px: float
    ) -> None:
        self.rng = rng
        self.image = _paper(size, theme)
        self.width, self.height = size
        self.face = face
        self.theme = theme
        self.px = px
        self.label_px = label_px
        self.pen = ImageDraw.Draw(self.image)

    def wide(self, text: str, px: float) -> float:
        """How wide a text would be."""
        return self.face.font(px).getlength(text)

    def value(self, x: float, y: float, text: str) -> None:
        """Write a value with its top left at a place."""
        self.write(x, y, text, self.px, self.theme.value)

    def label(self, x: float, y: float, text: str) -> None:
        """Write a label with its top left at a place."""
        self.write(x, y, text, self.label_px, self.theme.label)

    def write(self, x: float, y: float, text: str, px: float, colour: Colour) -> None:
        """Write a text with its top left at a place."""
        self.pen.text((round(x), round(y)), text, font=self.face.font(px), fill=colour)

    def rule(self, x: float, y: float, width: float) -> None:
        """Draw a thin line."""
        self.pen.line((x, y, x + width, y), fill=self.theme.rule)

    def card(self, x: float, y: float, width: float, height: float) -> None:
        """Draw a card with round corners."""
        corners = (round(x), round(y), round(x + width), round(y + height))
        self.pen.rounded_rectangle(corners, radius=8, fill=self.theme.card, outline=self.theme.rule)


def _paper(size: tuple[int, int], theme: Theme) -> Image.Image:
    one, other = theme.paper
    if one == other:
        return Image.new("RGB", size, one)
    ramp = Image.linear_gradient("L").resize(size)
    return Image.composite(Image.new("RGB", size, other), Image.new("RGB", size, one), ramp)
