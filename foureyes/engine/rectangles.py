"""Rectangles of a picture in which a dialog could be: by their edges, and by the colour of their ground."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from itertools import product

import cv2
import numpy as np

from foureyes.picture import Box, Pixels

_SMALLEST_SHARE, _LARGEST_SHARE = 0.004, 0.5
_RECTANGULAR = 0.8
_SAME_COLOUR = (2, 5)
"""How far a pixel of a ground may be from its colour, in each channel: little, where a window's grey is hardly
another than the page's; more, where JPEG made noise."""
_NOISE = 2
"""By how much a ground differs from line to line of one panel, in any channel."""
_NICK = np.ones((5, 5), np.uint8)
"""What is narrower than this belongs to the ground: JPEG rings beside letters and edges."""

Colour = tuple[int, ...]


def framed(pixels: Pixels) -> Iterator[Box]:
    """Rectangles that are found by their edges."""
    edges = cv2.dilate(cv2.Canny(pixels, 30, 90), np.ones((3, 3), np.uint8))
    yield from _rectangles(np.asarray(edges, np.uint8))


def filled(pixels: Pixels, texts: Iterable[Box]) -> Iterator[Box]:
    """Rectangles of the colours on which these texts stand, however they end at what is around."""
    grounds = _unlike(_ground(pixels, text) for text in texts)
    for ground, reach in product(grounds, _SAME_COLOUR):
        colour = np.array(ground)
        mask = cv2.inRange(pixels, colour - reach, colour + reach)
        yield from _rectangles(np.asarray(cv2.morphologyEx(mask, cv2.MORPH_CLOSE, _NICK), np.uint8))


def _unlike(grounds: Iterable[Colour]) -> list[Colour]:
    """One colour for all that are the same but for noise, so that each is looked for once."""
    kept: list[Colour] = []
    for ground in grounds:
        if all(max(map(abs, map(int.__sub__, ground, known))) > _NOISE for known in kept):
            kept.append(ground)
    return kept


def _ground(pixels: Pixels, text: Box) -> Colour:
    """The colour that a text stands on: the middle one of its box, since letters fill less than half of it."""
    height, width = pixels.shape[:2]
    around = text.widened(max(2, text.height // 4), width, height).cut(pixels)
    return tuple(int(value) for value in np.median(around.reshape(-1, 3), axis=0))


def _rectangles(marks: Pixels) -> Iterator[Box]:
    """The boxes of contours that fill their boxes, not too small and not too large for a dialog."""
    height, width = marks.shape
    contours, _ = cv2.findContours(marks, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        x, y, across, down = cv2.boundingRect(contour)
        share = across * down / (width * height)
        if not _SMALLEST_SHARE <= share <= _LARGEST_SHARE:
            continue
        if cv2.contourArea(contour) >= _RECTANGULAR * across * down:
            yield Box(x, y, across, down)
