"""Screens drawn for tests: texts at places, in the fonts that are there, and nothing else."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from foureyes.picture import Pixels

_DEJAVU = Path("/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf")
Colour = tuple[int, int, int]
LIGHT: Colour = (235, 235, 240)
DARK: Colour = (24, 26, 34)


@dataclass(frozen=True)
class At:
    """A text and where its top left corner is, in pixels."""

    x: int
    y: int
    text: str
    size: int = 24
    colour: Colour = LIGHT


def draw(
    texts: Iterable[At], width: int = 1280, height: int = 720, background: Colour = DARK, *, plain: bool = False
) -> Pixels:
    """Draw a screen; `plain` uses Pillow's own font even where DejaVu is installed."""
    image = Image.new("RGB", (width, height), background)
    pen = ImageDraw.Draw(image)
    for at in texts:
        pen.text((at.x, at.y), at.text, font=font(at.size, plain=plain), fill=at.colour)
    return np.ascontiguousarray(np.asarray(image, np.uint8)[:, :, ::-1])


def font(size: int, *, plain: bool = False) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    """DejaVu Sans where it is installed, else the font that Pillow brings."""
    if not plain and _DEJAVU.exists():
        return ImageFont.truetype(str(_DEJAVU), size)
    return ImageFont.load_default(size)
