"""Drawing a moment of the demo: everything that does not change is drawn once, the rest is copied in."""

from __future__ import annotations

from functools import lru_cache

import cv2
import numpy as np

from foureyes.frames.demo import sprites
from foureyes.frames.demo.sprites import PITCH_PX, REEL_WIDTH_PX, Colour
from foureyes.frames.demo.story import BET, REELS, STRIP, Moment
from foureyes.picture import Box, Pixels

WIDTH, HEIGHT = 1280, 720

_NIGHT: Colour = (26, 18, 40)
_DUSK: Colour = (10, 8, 18)
_PLATE = ((38, 28, 58), _NIGHT)
_EDGE: Colour = (92, 74, 128)
_WHITE: Colour = (244, 240, 250)
_GREY: Colour = (176, 166, 196)
_GOLD: Colour = (255, 204, 92)
_RED: Colour = (232, 84, 92)
_JACKPOTS: tuple[tuple[str, Colour], ...] = (
    ("GRAND", (255, 120, 108)),
    ("MAJOR", (255, 196, 84)),
    ("MINOR", (128, 214, 255)),
    ("MINI", (142, 232, 150)),
)
_CARD_WIDTH, _CARD_HEIGHT, _CARD_TOP = 280, 116, 36
_CARD_LEFTS = tuple(40 + index * 307 for index in range(4))
_REELS_BOX = Box(256, 216, 768, 324)
_REEL_LEFTS = tuple(_REELS_BOX.x + 8 + reel * (REEL_WIDTH_PX + 8) for reel in range(REELS))
_REEL_TOP, _REEL_HEIGHT = _REELS_BOX.y + 9, 3 * PITCH_PX
_BAR = Box(40, 604, 1200, 84)
_BAR_TEXTS = (("BALANCE", 72, _GOLD), ("LAST WIN", 560, _WHITE), ("BET", 980, _WHITE))


def paint(shown: Moment) -> Pixels:
    """Return the picture of a moment: BGR, 1280x720."""
    if shown.situation == "lost":
        return _lost().copy()
    canvas = _background().copy()
    _paint_amounts(canvas, shown)
    if shown.reels is not None:
        _paint_reels(canvas, shown.reels, spinning=shown.situation == "spinning")
    if shown.free_spins is not None:
        _paint_bonus(canvas, shown.free_spins)
    if shown.situation == "dialog":
        return _with_dialog(canvas, shown.error_text or "")
    return canvas


def _paint_amounts(canvas: Pixels, shown: Moment) -> None:
    for left, cents in zip(_CARD_LEFTS, shown.jackpots or (), strict=True):
        _text(canvas, _money(cents), 38, _WHITE, (left + _CARD_WIDTH // 2, _CARD_TOP + 78), middle=True)
    for (_, left, colour), amount in zip(_BAR_TEXTS, (shown.balance, shown.last_win, BET), strict=True):
        _text(canvas, _money(amount or 0), 34, colour, (left, _BAR.y + 56))


def _money(cents: int) -> str:
    return f"${cents // 100:,}.{cents % 100:02d}"


def _paint_reels(canvas: Pixels, turned: tuple[float, ...], *, spinning: bool) -> None:
    strip = sprites.strip(STRIP, blurred=spinning)
    rows = np.arange(_REEL_HEIGHT)
    for left, symbols in zip(_REEL_LEFTS, turned, strict=True):
        top = round(symbols * PITCH_PX)
        visible = strip.take(rows - top, axis=0, mode="wrap")
        canvas[_REEL_TOP : _REEL_TOP + _REEL_HEIGHT, left : left + REEL_WIDTH_PX] = visible


def _paint_bonus(canvas: Pixels, free_spins: int) -> None:
    centre = _REELS_BOX.x + _REELS_BOX.width // 2
    sprites.panel(canvas, _REELS_BOX, ((64, 30, 92), (30, 14, 52)), edge=_GOLD, radius_px=18)
    for left in (_REELS_BOX.x + 120, _REELS_BOX.right - 120):
        sprites.place(canvas, sprites.symbol(1, 150), (left, _REELS_BOX.y + 130))
    _text(canvas, "BONUS", 96, _GOLD, (centre, _REELS_BOX.y + 120), middle=True, bold=2)
    _text(canvas, f"{free_spins} FREE SPINS", 40, _WHITE, (centre, _REELS_BOX.y + 226), middle=True, bold=1)
    _text(canvas, "All wins are doubled", 24, _GREY, (centre, _REELS_BOX.y + 284), middle=True)


def _with_dialog(canvas: Pixels, text: str) -> Pixels:
    dimmed = np.asarray(cv2.convertScaleAbs(canvas, alpha=0.6), np.uint8)
    box = Box(330, 252, 620, 252)
    sprites.panel(dimmed, box, ((58, 50, 72), (46, 40, 58)), edge=_RED, radius_px=14)
    middle = box.x + box.width // 2
    sprites.place(dimmed, sprites.warning(52, _RED), (middle, box.y + 46))
    _text(dimmed, "ERROR", 30, _WHITE, (middle, box.y + 98), middle=True, bold=1)
    _text(dimmed, text, 24, _WHITE, (middle, box.y + 142), middle=True)
    button = Box(middle - 70, box.bottom - 72, 140, 50)
    sprites.panel(dimmed, button, ((222, 84, 92), (180, 58, 70)), edge=(255, 150, 150), radius_px=10)
    _text(dimmed, "OK", 26, _WHITE, (middle, button.y + 25), middle=True, bold=1)
    return dimmed


@lru_cache(maxsize=1)
def _background() -> Pixels:
    canvas = sprites.backdrop(WIDTH, HEIGHT, _NIGHT, _DUSK)
    for left, (label, colour) in zip(_CARD_LEFTS, _JACKPOTS, strict=True):
        sprites.panel(canvas, Box(left, _CARD_TOP, _CARD_WIDTH, _CARD_HEIGHT), _PLATE, edge=colour)
        _text(canvas, label, 24, colour, (left + _CARD_WIDTH // 2, _CARD_TOP + 30), middle=True, bold=1)
    sprites.panel(canvas, _REELS_BOX, ((20, 14, 32), (12, 8, 22)), edge=_EDGE)
    sprites.panel(canvas, _BAR, _PLATE, edge=_EDGE)
    for label, left, _ in _BAR_TEXTS:
        _text(canvas, label, 20, _GREY, (left, _BAR.y + 24))
    sprites.place(canvas, sprites.symbol(0, 76), (128, 378))
    sprites.place(canvas, sprites.spin_button(132, _GOLD), (1152, 378))
    return canvas


@lru_cache(maxsize=1)
def _lost() -> Pixels:
    canvas = sprites.backdrop(WIDTH, HEIGHT, (22, 22, 30), (8, 8, 12))
    sprites.place(canvas, sprites.no_signal(150, _GREY, _RED), (WIDTH // 2, 250))
    _text(canvas, "Connection lost", 40, _WHITE, (WIDTH // 2, 384), middle=True, bold=1)
    _text(canvas, "Reconnecting...", 26, _GREY, (WIDTH // 2, 440), middle=True)
    return canvas


def _text(
    canvas: Pixels,
    text: str,
    size_px: int,
    colour: Colour,
    at: tuple[int, int],
    *,
    middle: bool = False,
    bold: int = 0,
) -> None:
    """Write a line that begins at `at`, or has its middle there; vertically it is centred."""
    sprite = sprites.text(text, size_px, colour, bold)
    width = sprite.alpha.shape[1]
    x = at[0] if middle else at[0] + width // 2
    sprites.place(canvas, sprite, (x, at[1]))
