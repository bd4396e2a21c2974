"""The pieces the demo is drawn from: text, symbols, panels; each drawn once, smooth, and kept."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
import numpy.typing as npt
from PIL import Image, ImageDraw, ImageFont

from foureyes.picture import Box, Pixels

Colour = tuple[int, int, int]
"""Red, green, blue."""
Shades = tuple[Colour, Colour]
"""Top and bottom of a panel."""
Points = list[tuple[float, float]]

PITCH_PX = 102
REEL_WIDTH_PX = 144
_FINER = 4
"""Shapes are drawn this much larger, then made smaller, which smooths their edges."""


@dataclass(frozen=True, eq=False)
class Sprite:
    """A small picture with transparency: BGR pixels, and alpha 0 to 255 of shape (height, width, 1)."""

    pixels: npt.NDArray[np.uint16]
    alpha: npt.NDArray[np.uint16]


def place(canvas: Pixels, sprite: Sprite, centre: tuple[int, int]) -> None:
    """Draw a sprite onto the canvas; it must lie inside."""
    height, width = sprite.alpha.shape[:2]
    left, top = centre[0] - width // 2, centre[1] - height // 2
    under = canvas[top : top + height, left : left + width]
    under[:] = (under * (255 - sprite.alpha) + sprite.pixels * sprite.alpha + 127) // 255


def _sprite(image: Image.Image) -> Sprite:
    rgba = np.asarray(image.convert("RGBA"), np.uint16)
    return Sprite(np.ascontiguousarray(rgba[:, :, 2::-1]), np.ascontiguousarray(rgba[:, :, 3:]))


@lru_cache(maxsize=8)
def _font(size_px: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    return ImageFont.load_default(size=size_px)


@lru_cache(maxsize=64)
def text(content: str, size_px: int, colour: Colour, bold: int = 0) -> Sprite:
    """Return a line of text in the font that Pillow carries; as high as the font's line, whatever is written."""
    font = _font(size_px)
    width = math.ceil(font.getlength(content)) + 2 * bold + 2
    height = 2 * (size_px * 2 // 3)
    image = Image.new("RGBA", (width, height), (*colour, 0))
    baseline = height // 2 + round(size_px * 0.35)
    ImageDraw.Draw(image).text((1 + bold, baseline), content, (*colour, 255), font, "ls", stroke_width=bold)
    return _sprite(image)


def backdrop(width: int, height: int, middle: Colour, edge: Colour) -> Pixels:
    """Return a still backdrop that is brightest in its upper middle."""
    y, x = np.mgrid[0:height:8, 0:width:8].astype(np.float32)
    far = np.clip(np.hypot((x - width / 2) / width, (y - height * 0.45) / height) * 1.5, 0, 1)[:, :, None]
    blend = np.array(middle[::-1], np.float32) * (1.6 - 1.6 * far) + np.array(edge[::-1], np.float32) * far
    smooth = cv2.resize(blend, (width, height), interpolation=cv2.INTER_CUBIC)
    return np.asarray(cv2.convertScaleAbs(smooth), np.uint8)


def panel(canvas: Pixels, box: Box, shades: Shades, *, edge: Colour, radius_px: int = 12) -> None:
    """Draw a panel with round corners, shaded from top to bottom."""
    place(canvas, _panel(box.width, box.height, shades, edge, radius_px), _centre(box))


@lru_cache(maxsize=16)
def _panel(width: int, height: int, shades: Shades, edge: Colour, radius_px: int) -> Sprite:
    filled = np.linspace(*shades, height)[:, None].repeat(width, axis=1).astype(np.uint8)
    image, line = Image.fromarray(filled).convert("RGBA"), Image.new("L", (width * _FINER, height * _FINER))
    corners = (0, 0, width * _FINER - 1, height * _FINER - 1)
    radius = radius_px * _FINER
    ImageDraw.Draw(line).rounded_rectangle(corners, radius, fill=0, outline=255, width=2 * _FINER)
    image.paste((*edge, 255), mask=line.resize((width, height), Image.Resampling.BOX))
    ImageDraw.Draw(line).rounded_rectangle(corners, radius, fill=255)
    image.putalpha(line.resize((width, height), Image.Resampling.BOX))
    return _sprite(image)


def _centre(box: Box) -> tuple[int, int]:
    return box.x + box.width // 2, box.y + box.height // 2


@lru_cache(maxsize=2)
def strip(order: Sequence[int], *, blurred: bool) -> Pixels:
    """Return a reel laid flat, symbols from top to bottom, its ends joining; blurred as one that turns fast."""
    reel = np.empty((len(order) * PITCH_PX, REEL_WIDTH_PX, 3), np.uint8)
    shade = np.abs(np.linspace(-1, 1, REEL_WIDTH_PX))[None, :, None] ** 2
    reel[:] = np.array((44, 32, 36)) * (1 - 0.55 * shade)
    for at, kind in enumerate(order):
        place(reel, symbol(kind, 80), (REEL_WIDTH_PX // 2, at * PITCH_PX + PITCH_PX // 2))
    if not blurred:
        return reel
    around = np.concatenate([reel[-PITCH_PX:], reel, reel[:PITCH_PX]])
    return np.asarray(cv2.blur(around, (1, 25)), np.uint8)[PITCH_PX:-PITCH_PX]


@lru_cache(maxsize=16)
def symbol(kind: int, size_px: int) -> Sprite:
    """Return one of seven coloured shapes: gem, star, coin, heart, clover, crown, moon."""
    image, pen, side = _sheet(size_px)
    (_gem, _star, _coin, _heart, _clover, _crown, _moon)[kind](pen, side)
    return _shrunk(image, size_px)


def _sheet(size_px: int) -> tuple[Image.Image, ImageDraw.ImageDraw, float]:
    image = Image.new("RGBA", (size_px * _FINER, size_px * _FINER))
    return image, ImageDraw.Draw(image), float(size_px * _FINER)


def _shrunk(image: Image.Image, size_px: int) -> Sprite:
    return _sprite(image.resize((size_px, size_px), Image.Resampling.BOX))


def _scaled(side: float, *points: tuple[float, float]) -> Points:
    return [(x * side, y * side) for x, y in points]


def _disc(pen: ImageDraw.ImageDraw, side: float, at: tuple[float, float], radius: float, colour: Colour) -> None:
    x, y = at
    box = ((x - radius) * side, (y - radius) * side, (x + radius) * side, (y + radius) * side)
    pen.ellipse(box, fill=(*colour, 255))


def _around(side: float, radius: float, count: int, turn: float = -0.25) -> Points:
    angles = [2 * math.pi * (step / count + turn) for step in range(count)]
    return [(side * (0.5 + radius * math.cos(angle)), side * (0.5 + radius * math.sin(angle))) for angle in angles]


def _gem(pen: ImageDraw.ImageDraw, side: float) -> None:
    pen.polygon(_scaled(side, (0.24, 0.14), (0.76, 0.14), (0.98, 0.4), (0.5, 0.94), (0.02, 0.4)), (46, 144, 224))
    pen.polygon(_scaled(side, (0.24, 0.14), (0.76, 0.14), (0.68, 0.4), (0.32, 0.4)), (150, 216, 255))
    pen.polygon(_scaled(side, (0.32, 0.4), (0.68, 0.4), (0.5, 0.94)), (86, 184, 248))
    pen.polygon(_scaled(side, (0.24, 0.14), (0.32, 0.4), (0.02, 0.4)), (98, 190, 250))


def _star(pen: ImageDraw.ImageDraw, side: float) -> None:
    outer, inner = _around(side, 0.49, 5), _around(side, 0.22, 5, -0.15)
    pen.polygon([point for pair in zip(outer, inner, strict=True) for point in pair], (255, 196, 60))
    outer, inner = _around(side, 0.3, 5), _around(side, 0.135, 5, -0.15)
    pen.polygon([point for pair in zip(outer, inner, strict=True) for point in pair], (255, 228, 140))


def _coin(pen: ImageDraw.ImageDraw, side: float) -> None:
    _disc(pen, side, (0.5, 0.5), 0.47, (206, 134, 40))
    _disc(pen, side, (0.5, 0.48), 0.44, (250, 184, 72))
    pen.polygon(_around(side, 0.28, 4), (255, 224, 150))


def _heart(pen: ImageDraw.ImageDraw, side: float) -> None:
    red = (228, 62, 88)
    _disc(pen, side, (0.29, 0.33), 0.24, red)
    _disc(pen, side, (0.71, 0.33), 0.24, red)
    pen.polygon(_scaled(side, (0.09, 0.45), (0.5, 0.3), (0.91, 0.45), (0.5, 0.95)), red)
    _disc(pen, side, (0.27, 0.28), 0.08, (255, 150, 168))


def _clover(pen: ImageDraw.ImageDraw, side: float) -> None:
    green = (58, 184, 98)
    pen.polygon(_scaled(side, (0.46, 0.5), (0.54, 0.5), (0.66, 0.96), (0.56, 0.98)), (38, 130, 68))
    for x, y in ((0.5, 0.24), (0.26, 0.5), (0.74, 0.5)):
        _disc(pen, side, (x, y), 0.22, green)
    _disc(pen, side, (0.5, 0.46), 0.09, (128, 224, 150))


def _crown(pen: ImageDraw.ImageDraw, side: float) -> None:
    points = ((0.06, 0.28), (0.28, 0.5), (0.5, 0.12), (0.72, 0.5), (0.94, 0.28), (0.84, 0.84), (0.16, 0.84))
    pen.polygon(_scaled(side, *points), (188, 110, 236))
    pen.polygon(_scaled(side, (0.17, 0.72), (0.83, 0.72), (0.81, 0.84), (0.19, 0.84)), (232, 190, 255))
    for x, y in ((0.06, 0.27), (0.5, 0.12), (0.94, 0.27)):
        _disc(pen, side, (x, y), 0.06, (232, 190, 255))


def _moon(pen: ImageDraw.ImageDraw, side: float) -> None:
    _disc(pen, side, (0.48, 0.5), 0.44, (232, 224, 196))
    # The bite is cut out of the shape, not painted over it.
    pen.ellipse((0.3 * side, 0.04 * side, 1.02 * side, 0.76 * side), fill=(0, 0, 0, 0))


@lru_cache(maxsize=1)
def spin_button(size_px: int, colour: Colour) -> Sprite:
    """Return a round button with a turning arrow."""
    image, pen, side = _sheet(size_px)
    _disc(pen, side, (0.5, 0.5), 0.49, colour)
    _disc(pen, side, (0.5, 0.5), 0.45, (46, 32, 66))
    pen.arc((0.27 * side, 0.27 * side, 0.73 * side, 0.73 * side), -20, 270, colour, round(0.06 * side))
    pen.polygon(_scaled(side, (0.6, 0.3), (0.47, 0.18), (0.47, 0.42)), colour)
    return _shrunk(image, size_px)


@lru_cache(maxsize=1)
def warning(size_px: int, colour: Colour) -> Sprite:
    """Return a warning triangle."""
    image, pen, side = _sheet(size_px)
    pen.polygon(_scaled(side, (0.5, 0.04), (0.98, 0.92), (0.02, 0.92)), colour)
    pen.polygon(_scaled(side, (0.44, 0.32), (0.56, 0.32), (0.53, 0.64), (0.47, 0.64)), (255, 255, 255))
    _disc(pen, side, (0.5, 0.76), 0.055, (255, 255, 255))
    return _shrunk(image, size_px)


@lru_cache(maxsize=1)
def no_signal(size_px: int, colour: Colour, stroke: Colour) -> Sprite:
    """Return the waves of a radio signal, struck through."""
    image, pen, side = _sheet(size_px)
    width = round(0.07 * side)
    for radius in (0.22, 0.42, 0.62):
        box = ((0.5 - radius) * side, (0.82 - radius) * side, (0.5 + radius) * side, (0.82 + radius) * side)
        pen.arc(box, 225, 315, colour, width)
    _disc(pen, side, (0.5, 0.82), 0.06, colour)
    pen.line(_scaled(side, (0.18, 0.14), (0.82, 0.94)), stroke, width)
    return _shrunk(image, size_px)
