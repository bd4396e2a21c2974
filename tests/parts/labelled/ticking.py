"""Small screens of one amount, in pairs: the amount grows by a digit, or one of its digits becomes another."""

from __future__ import annotations

import random
from collections.abc import Iterator
from dataclasses import dataclass

import numpy as np

from foureyes.picture import Box, Pixels, decode
from parts.jpeg import encode_jpeg
from parts.labelled.faces import DEVELOPMENT, HELD_BACK, Face
from parts.labelled.sheet import THEMES, Sheet, Theme

SIZE = (480, 128)
_FACES = DEVELOPMENT + HELD_BACK
_LABEL = "Balance"


@dataclass(frozen=True)
class Pair:
    """Two captures of one screen, the amount that each shows ("999.95"), and where it stands (in pixels)."""

    before: Pixels
    after: Pixels
    shown: tuple[str, str]
    box: Box


@dataclass(frozen=True)
class _Style:
    """How the screen of a pair looks; `quality` is of its JPEG, None is without loss."""

    face: Face
    theme: Theme
    px: int
    x: int
    is_right: bool
    quality: int | None


def growths(seed: int, count: int) -> Iterator[Pair]:
    """Amounts that gain a digit, and with it often a separator: $999.95, then $1,000.15."""
    rng = random.Random(f"{seed}/growths")  # noqa: S311 - drawn, not secret
    for _ in range(count):
        cents = 10 ** (rng.choice((1, 2, 3, 3, 4, 5, 6)) + 2)
        yield _pair(_style(rng), cents - rng.randint(1, 60), cents + rng.randint(0, 60))


def one_digit_changes(seed: int, count: int) -> Iterator[Pair]:
    """Amounts of which one digit becomes another; half of the captures went through JPEG."""
    rng = random.Random(f"{seed}/changes")  # noqa: S311 - drawn, not secret
    for _ in range(count):
        cents = rng.randint(100, 99_999_999)
        place = 10 ** rng.randrange(len(str(cents)))
        digit = cents // place % 10
        lowest = 1 if place * 10 > cents else 0
        other = rng.choice([each for each in range(lowest, 10) if each != digit])
        yield _pair(_style(rng, lossy=0.5), cents, cents + (other - digit) * place)


def _style(rng: random.Random, lossy: float = 0.0) -> _Style:
    quality = rng.choice((60, 75, 90)) if rng.random() < lossy else None
    is_right = rng.random() < 0.5
    return _Style(
        rng.choice(_FACES), rng.choice(THEMES), rng.randint(14, 44), rng.randint(8, 40), is_right, quality
    )


def _pair(style: _Style, before: int, after: int) -> Pair:
    one, first = _drawn(style, f"{before / 100:,.2f}")
    other, second = _drawn(style, f"{after / 100:,.2f}")
    return Pair(one, other, (f"{before / 100:.2f}", f"{after / 100:.2f}"), first.union(second))


def _drawn(style: _Style, amount: str) -> tuple[Pixels, Box]:
    """The screen of an amount, and the amount's box."""
    label_px = max(14, round(0.6 * style.px))
    sheet = Sheet(random.Random(0), SIZE, style.face, style.theme, style.px, label_px)  # noqa: S311 - not used
    text, top, below = f"${amount}", 10, 10 + 1.4 * label_px
    sheet.label(_left(sheet, style, _LABEL, label_px), top, _LABEL)
    left = _left(sheet, style, text, style.px)
    sheet.value(left, below, text)
    box = Box(int(left), int(below), int(sheet.wide(text, style.px)) + 2, round(1.4 * style.px))
    pixels = np.ascontiguousarray(np.asarray(sheet.image, np.uint8)[:, :, ::-1])
    return (pixels if style.quality is None else decode(encode_jpeg(pixels, style.quality))), box


def _left(sheet: Sheet, style: _Style, text: str, px: float) -> float:
    return SIZE[0] - style.x - sheet.wide(text, px) if style.is_right else float(style.x)
