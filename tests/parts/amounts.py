"""Pictures full of amounts, each in a cell of its own, in pairs: one digit of each cell becomes another one."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import combinations

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from foureyes.frames.region import Region
from foureyes.picture import Box, Pixels

WIDTH, HEIGHT = 1280, 720
AMOUNT = "1785.42"
CELL_PX = {14: (80, 32), 20: (96, 32)}
"""Font size to width and height of a cell: whole 16 px blocks, so that no two widened regions share one."""
_CONTROL_EVERY = 19
"""Each so many cells one stays the same."""


@dataclass(frozen=True)
class Cell:
    """One amount on the picture before and after; equal where the cell is there to stay the same."""

    box: Box
    before: str
    after: str

    @property
    def region(self) -> Region:
        """Inside the cell by a few pixels: the widening to blocks gives the cell."""
        inner = Box(self.box.x + 2, self.box.y + 2, self.box.width - 4, self.box.height - 4)
        return Region(inner.x / WIDTH, inner.y / HEIGHT, inner.width / WIDTH, inner.height / HEIGHT)


def cells(px: int) -> list[Cell]:
    """Every pair of digits in every place of the amount, with cells among them that stay the same."""
    changes, found = list(_changes()), list[Cell]()
    for number, box in enumerate(_boxes(px)):
        if number % _CONTROL_EVERY == 0:
            found.append(Cell(box, AMOUNT, AMOUNT))
        elif changes:
            found.append(Cell(box, *changes.pop()))
    assert not changes, "the picture is too small for all changes"
    return found


def _changes() -> Iterator[tuple[str, str]]:
    for place in (place for place, sign in enumerate(AMOUNT) if sign.isdigit()):
        for before, after in combinations("0123456789", 2):
            yield _with(place, before), _with(place, after)


def _with(place: int, digit: str) -> str:
    return AMOUNT[:place] + digit + AMOUNT[place + 1 :]


def _boxes(px: int) -> Iterator[Box]:
    width, height = CELL_PX[px]
    for y in range(0, HEIGHT - height + 1, height):
        for x in range(0, WIDTH - width + 1, width):
            yield Box(x, y, width, height)


def drawn_amounts(px: int, ink: int, paper: int, *, after: bool) -> Pixels:
    """The picture of all cells, before or after the change: `ink` on `paper`, both grey from 0 to 255."""
    picture = Image.new("RGB", (WIDTH, HEIGHT), (paper,) * 3)
    pen, font = ImageDraw.Draw(picture), ImageFont.load_default(px)
    for cell in cells(px):
        pen.text((cell.box.x + 3, cell.box.y + 4), cell.after if after else cell.before, (ink,) * 3, font)
    return np.asarray(picture)[..., ::-1].copy()
