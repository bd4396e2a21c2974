"""Screens of four kinds, drawn in several states: an application, a game, a music player and a wizard.

A theme fixes what a program keeps (colours, places, names); a moment changes what programs change all the time:
numbers, rows, sprites, progress. `captured` adds what capturing adds: a shift, another size, JPEG.
"""

from __future__ import annotations

import itertools
import random
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from PIL import Image, ImageDraw, ImageFont

from foureyes.picture import Pixels

WIDTH, HEIGHT = 1280, 720
_FONTS = ("DejaVuSans.ttf", "DejaVuSerif.ttf", "DejaVuSansMono.ttf")
_NAMES = (
    "Ada",
    "Bruno",
    "Clara",
    "Dario",
    "Elena",
    "Felix",
    "Greta",
    "Hugo",
    "Ines",
    "Jonas",
    "Kira",
    "Luca",
    "Mona",
    "Nils",
)
_THINGS = (
    "Amber",
    "Birch",
    "Cobalt",
    "Delta",
    "Ember",
    "Fjord",
    "Garnet",
    "Harbor",
    "Indigo",
    "Juniper",
    "Kestrel",
)
Colour = tuple[int, int, int]


@dataclass(frozen=True)
class Theme:
    """What one program keeps."""

    back: Colour
    panel: Colour
    ink: Colour
    accent: Colour
    font: str
    offset: int


class Pen:
    """Draws in a theme."""

    def __init__(self, theme: Theme, rng: random.Random) -> None:
        self.theme, self.rng = theme, rng
        self.image = Image.new("RGB", (WIDTH, HEIGHT), theme.back)
        self.draw = ImageDraw.Draw(self.image)

    def box(self, x: int, y: int, w: int, h: int, fill: Colour | None = None, *, line: bool = True) -> None:
        """A panel."""
        self.draw.rectangle((x, y, x + w, y + h), fill or self.theme.panel, self.theme.ink if line else None)

    def text(self, x: float, y: float, text: str, size: int = 22, colour: Colour | None = None) -> None:
        """A line of text."""
        self.draw.text((x, y), text, font=_font(self.theme.font, size), fill=colour or self.theme.ink)

    def number(self, most: int = 9999) -> str:
        """A number that is another one each time."""
        return f"{self.rng.randrange(most // 10, most):,}"

    def word(self) -> str:
        """A word that is another one each time."""
        return self.rng.choice(_NAMES + _THINGS)

    def button(self, x: int, y: int, text: str) -> None:
        """A button."""
        self.box(x, y, 150, 46, self.theme.accent)
        self.text(x + 24, y + 10, text, 22, (255, 255, 255))

    def sprite(self, x: int, y: int, size: int) -> None:
        """A figure that moves about."""
        self.draw.ellipse((x, y, x + size, y + size), self.theme.accent, self.theme.ink, 3)
        self.draw.rectangle((x + size // 3, y + size // 3, x + size // 2, y + size // 2), (255, 255, 255))


@lru_cache(maxsize=64)
def _font(name: str, size: int) -> ImageFont.FreeTypeFont | ImageFont.ImageFont:
    try:
        return ImageFont.truetype(name, size)
    except OSError:
        return ImageFont.load_default(size)


def theme_of(seed: int) -> Theme:
    """The theme of a seed: dark or light."""
    rng = random.Random(f"theme {seed}")  # noqa: S311 - pictures
    dark = rng.random() < 0.5
    low, high = [rng.randrange(15, 60) for _ in range(3)], [rng.randrange(205, 250) for _ in range(3)]
    back, ink = (low, high) if dark else (high, low)
    panel = [min(255, value + 18) if dark else value - 14 for value in back]
    accent = [rng.randrange(40, 200) for _ in range(3)]
    r, g, b = ((*each,) for each in zip(back, panel, ink, accent, strict=True))
    colours = list(zip(r, g, b, strict=True))
    return Theme(*colours, font=rng.choice(_FONTS), offset=rng.randrange(0, 40))  # type: ignore[arg-type]


def _app_frame(pen: Pen, chosen: int) -> None:
    pen.box(0, 0, WIDTH, 52, pen.theme.accent)
    pen.text(20, 12, "Orderdesk", 26, (255, 255, 255))
    pen.text(1000, 14, f"{pen.number()} credits", 20, (255, 255, 255))
    pen.box(0, 52, 210, HEIGHT - 52)
    for index, name in enumerate(("Orders", "Customer", "Settings", "Report")):
        if index == chosen:
            pen.box(0, 90 + 60 * index, 210, 48, pen.theme.accent, line=False)
        pen.text(24, 100 + 60 * index, name)


def _app_login(pen: Pen) -> None:
    pen.box(440, 170 + pen.theme.offset, 400, 360)
    pen.text(560, 200 + pen.theme.offset, "Sign in", 34)
    for index, name in enumerate(("User", "Password")):
        pen.text(480, 270 + 80 * index + pen.theme.offset, name, 18)
        pen.box(480, 296 + 80 * index + pen.theme.offset, 320, 40, pen.theme.back)
    pen.text(490, 304 + pen.theme.offset, pen.word())
    pen.button(565, 460 + pen.theme.offset, "Sign in")


def _app_list(pen: Pen) -> None:
    _app_frame(pen, 0)
    for column, name in enumerate(("Number", "Name", "Product", "Amount", "State")):
        pen.text(240 + 200 * column, 80, name, 22)
    pen.draw.line((230, 112, 1250, 112), pen.theme.ink, 2)
    for row in range(pen.rng.randrange(9, 14)):
        y = 124 + 42 * row
        cells = (pen.number(99999), pen.word(), pen.word(), pen.number(), pen.rng.choice(("open", "paid", "late")))
        for column, cell in enumerate(cells):
            pen.text(240 + 200 * column, y, cell, 20)
        pen.draw.line((230, y + 34, 1250, y + 34), pen.theme.panel, 2)


def _app_detail(pen: Pen) -> None:
    _app_frame(pen, 1)
    pen.text(250, 80, f"Customer {pen.number()}", 32)
    for index, name in enumerate(("First name", "Last name", "Street", "Town", "Phone")):
        pen.text(250, 146 + 84 * index, name, 18)
        pen.box(250, 172 + 84 * index, 420, 42)
        pen.text(262, 180 + 84 * index, f"{pen.word()} {pen.number(99)}", 20)
    pen.box(740, 150, 420, 300)
    pen.text(760, 166, "Notes", 22)
    for index in range(pen.rng.randrange(2, 6)):
        pen.text(760, 210 + 34 * index, f"{pen.word()} {pen.word()} {pen.number(999)}", 18)
    pen.button(740, 600, "Save")


def _app_settings(pen: Pen) -> None:
    _app_frame(pen, 2)
    pen.text(250, 80, "Settings", 32)
    for index, name in enumerate(
        ("Sounds", "Night mode", "Send reports", "Check for updates", "Start with system")
    ):
        on = pen.rng.random() < 0.5
        pen.draw.rounded_rectangle(
            (250, 150 + 70 * index, 310, 180 + 70 * index), 15, pen.theme.panel, pen.theme.ink
        )
        x = 282 if on else 252
        pen.draw.ellipse((x, 152 + 70 * index, x + 26, 178 + 70 * index), pen.theme.accent)
        pen.text(340, 152 + 70 * index, name)
    pen.button(900, 620, "Cancel")
    pen.button(1070, 620, "OK")


def _app_report(pen: Pen) -> None:
    _app_frame(pen, 3)
    pen.text(250, 80, "Report", 32)
    pen.draw.line((280, 140, 280, 600), pen.theme.ink, 3)
    pen.draw.line((280, 600, 1220, 600), pen.theme.ink, 3)
    for index in range(12):
        tall = pen.rng.randrange(60, 430)
        pen.box(300 + 76 * index, 600 - tall, 50, tall, pen.theme.accent)
        pen.text(310 + 76 * index, 610, str(index + 1), 18)


def _sky(pen: Pen) -> None:
    for y in range(0, HEIGHT, 8):
        shade = tuple(int(value * (0.6 + 0.4 * y / HEIGHT)) for value in pen.theme.back)
        pen.draw.rectangle((0, y, WIDTH, y + 8), shade)


def _game_menu(pen: Pen) -> None:
    _sky(pen)
    pen.text(420, 90 + pen.theme.offset, "STAR HOPPER", 64, pen.theme.accent)
    for index, name in enumerate(("New game", "Continue", "Options", "Quit")):
        pen.box(500, 260 + 84 * index, 280, 62)
        pen.text(560, 274 + 84 * index, name, 28)
    pen.text(20, 680, f"best {pen.number(999999)}", 20)
    pen.sprite(pen.rng.randrange(100, 360), pen.rng.randrange(300, 560), 60)


def _game_play(pen: Pen) -> None:
    _sky(pen)
    pen.draw.rectangle((0, 600, WIDTH, HEIGHT), pen.theme.panel, pen.theme.ink)
    pen.draw.polygon([(200, 600), (420, 340), (640, 600)], pen.theme.panel)
    pen.draw.polygon([(700, 600), (1000, 280), (1260, 600)], pen.theme.panel)
    pen.text(20, 16, f"SCORE {pen.number(999999)}", 30)
    pen.text(560, 16, f"LEVEL {pen.rng.randrange(1, 9)}", 30)
    for life in range(pen.rng.randrange(1, 4)):
        pen.draw.ellipse((1100 + 50 * life, 18, 1136 + 50 * life, 54), pen.theme.accent)
    for _ in range(3):
        pen.sprite(pen.rng.randrange(60, 1160), pen.rng.randrange(120, 520), pen.rng.randrange(40, 90))


def _game_paused(pen: Pen) -> None:
    _game_play(pen)
    pen.image = Image.blend(pen.image, Image.new("RGB", pen.image.size, (0, 0, 0)), 0.5)
    pen.draw = ImageDraw.Draw(pen.image)
    pen.box(440, 220, 400, 280)
    pen.text(530, 250, "PAUSED", 52)
    pen.button(565, 400, "Resume")


def _game_over(pen: Pen) -> None:
    pen.draw.rectangle((0, 0, WIDTH, HEIGHT), (20, 10, 14))
    pen.text(400, 220 + pen.theme.offset, "GAME OVER", 84, pen.theme.accent)
    pen.text(500, 380, f"Score {pen.number(999999)}", 36, (240, 240, 240))
    pen.text(470, 470, "Press any key to go on", 26, (200, 200, 200))


def _game_map(pen: Pen) -> None:
    pen.box(60, 60, 1160, 600)
    fixed = random.Random(f"map {pen.theme}")  # noqa: S311 - pictures
    places = [(fixed.randrange(120, 1140), fixed.randrange(120, 600)) for _ in range(9)]
    for before, after in itertools.pairwise(places):
        pen.draw.line((*before, *after), pen.theme.ink, 6)
    for x, y in places:
        pen.draw.ellipse((x - 26, y - 26, x + 26, y + 26), pen.theme.back, pen.theme.ink, 4)
    x, y = pen.rng.choice(places)
    pen.sprite(x - 20, y - 20, 40)
    pen.text(80, 70, f"Gold {pen.number()}", 26)


def _music_bar(pen: Pen) -> None:
    pen.box(0, 630, WIDTH, 90)
    pen.draw.polygon([(620, 650), (620, 700), (662, 675)], pen.theme.accent)
    pen.draw.rectangle((300, 640, 980, 644), pen.theme.back)
    pen.draw.rectangle((300, 640, 300 + pen.rng.randrange(20, 660), 644), pen.theme.accent)
    pen.text(20, 650, f"{pen.word()} {pen.word()}", 20)
    pen.text(1010, 650, f"{pen.rng.randrange(0, 5)}:{pen.rng.randrange(10, 60)}", 20)


def _cover(pen: Pen, x: int, y: int, size: int) -> None:
    colours = [tuple(pen.rng.randrange(30, 230) for _ in range(3)) for _ in range(2)]
    pen.draw.rectangle((x, y, x + size, y + size), colours[0], pen.theme.ink)
    a, b = pen.rng.randrange(size // 2), pen.rng.randrange(size // 2)
    pen.draw.ellipse((x + a, y + b, x + a + size // 2, y + b + size // 2), colours[1])


def _music_library(pen: Pen) -> None:
    _music_bar(pen)
    pen.text(40, 30, "Library", 40)
    for row in range(2):
        for column in range(5):
            _cover(pen, 40 + 245 * column, 110 + 260 * row, 180)
            pen.text(40 + 245 * column, 300 + 260 * row, f"{pen.word()} {pen.word()}", 18)


def _music_playing(pen: Pen) -> None:
    _music_bar(pen)
    _cover(pen, 120, 110, 420)
    pen.text(620, 200 + pen.theme.offset, f"{pen.word()} {pen.word()}", 44)
    pen.text(620, 280 + pen.theme.offset, f"by {pen.word()}", 28)
    for index in range(40):
        tall = pen.rng.randrange(6, 90)
        pen.draw.rectangle((620 + 14 * index, 520 - tall, 628 + 14 * index, 520), pen.theme.accent)


def _music_queue(pen: Pen) -> None:
    _music_bar(pen)
    pen.text(40, 30, "Up next", 40)
    for row in range(pen.rng.randrange(6, 9)):
        _cover(pen, 40, 100 + 64 * row, 50)
        pen.text(110, 110 + 64 * row, f"{pen.word()} {pen.word()}", 22)
        pen.text(1100, 110 + 64 * row, f"{pen.rng.randrange(2, 6)}:{pen.rng.randrange(10, 60)}", 20)
        pen.draw.line((40, 156 + 64 * row, 1200, 156 + 64 * row), pen.theme.panel, 2)


def _music_search(pen: Pen) -> None:
    _music_bar(pen)
    pen.box(340, 40, 600, 56)
    pen.text(360, 54, pen.word(), 26)
    for row in range(3):
        for column in range(3):
            pen.box(140 + 350 * column, 150 + 150 * row, 300, 120, pen.theme.accent)
            pen.text(160 + 350 * column, 170 + 150 * row, _THINGS[row * 3 + column], 28, (255, 255, 255))


def _wizard_frame(pen: Pen, step: int) -> None:
    pen.draw.rectangle((0, 0, 330, HEIGHT), pen.theme.accent)
    pen.text(40, 40, "Setup", 44, (255, 255, 255))
    for index, name in enumerate(("Welcome", "Disk", "Copying", "Finished")):
        pen.draw.ellipse((40, 150 + 70 * index, 64, 174 + 70 * index), (255, 255, 255) if index <= step else None)
        pen.text(84, 148 + 70 * index, name, 22, (255, 255, 255))
    pen.draw.line((330, 630, WIDTH, 630), pen.theme.ink, 2)
    pen.button(900, 650, "Back")
    pen.button(1080, 650, "Next")


def _wizard_welcome(pen: Pen) -> None:
    _wizard_frame(pen, 0)
    pen.text(380, 60, "Welcome to the setup", 40)
    pen.text(380, 160, "This takes about ten minutes. Close other programs first.", 22)
    pen.text(380, 200, f"Version {pen.number()}", 22)


def _wizard_disk(pen: Pen) -> None:
    _wizard_frame(pen, 1)
    pen.text(380, 60, "Where shall it go?", 40)
    for index in range(4):
        pen.draw.ellipse((390, 164 + 90 * index, 414, 188 + 90 * index), None, pen.theme.ink, 3)
        pen.box(440, 150 + 90 * index, 760, 70)
        pen.text(460, 164 + 90 * index, f"Disk {index + 1}: {pen.number()} MB free", 22)
    chosen = pen.rng.randrange(4)
    pen.draw.ellipse((396, 170 + 90 * chosen, 408, 182 + 90 * chosen), pen.theme.accent)


def _wizard_copying(pen: Pen) -> None:
    _wizard_frame(pen, 2)
    pen.text(380, 60, "Copying files", 40)
    pen.box(380, 200, 820, 40)
    pen.draw.rectangle((382, 202, 382 + pen.rng.randrange(20, 816), 238), pen.theme.accent)
    pen.text(380, 260, f"{pen.word().lower()}-{pen.number()}.dat", 20)
    pen.box(380, 320, 820, 280, pen.theme.panel)
    for row in range(pen.rng.randrange(3, 8)):
        pen.text(400, 336 + 32 * row, f"copied {pen.word().lower()}-{pen.number()}.dat", 18)


def _wizard_done(pen: Pen) -> None:
    _wizard_frame(pen, 3)
    pen.text(380, 60, "All done", 40)
    pen.draw.ellipse((640, 220, 860, 440), pen.theme.accent)
    pen.draw.line([(690, 330), (740, 380), (820, 280)], (255, 255, 255), 16)
    pen.text(560, 500, f"{pen.number()} files were copied", 24)


Painter = Callable[[Pen], None]
KINDS: Mapping[str, Mapping[str, Painter]] = {
    "application": {
        "login": _app_login,
        "list": _app_list,
        "detail": _app_detail,
        "settings": _app_settings,
        "report": _app_report,
    },
    "game": {"menu": _game_menu, "play": _game_play, "paused": _game_paused, "over": _game_over, "map": _game_map},
    "music": {
        "library": _music_library,
        "playing": _music_playing,
        "queue": _music_queue,
        "search": _music_search,
    },
    "wizard": {
        "welcome": _wizard_welcome,
        "disk": _wizard_disk,
        "copying": _wizard_copying,
        "done": _wizard_done,
    },
}


def screen(kind: str, state: str, theme: int, moment: int) -> Pixels:
    """Draw a state of a program: BGR, 1280x720."""
    pen = Pen(theme_of(theme), random.Random(f"{kind} {state} {moment}"))  # noqa: S311 - pictures
    KINDS[kind][state](pen)
    return np.ascontiguousarray(np.asarray(pen.image, np.uint8)[:, :, ::-1])


def captured(pixels: Pixels, seed: int, *, scales: Sequence[float] = (1.0, 0.6, 0.75, 1.25)) -> Pixels:
    """What capturing makes of it: moved by up to 4 pixels, another size, JPEG of quality 50 to 95."""
    rng = random.Random(f"capture {seed}")  # noqa: S311 - pictures
    dx, dy = rng.randint(-4, 4), rng.randint(-4, 4)
    move = np.array([[1, 0, dx], [0, 1, dy]], np.float32)
    height, width = pixels.shape[:2]
    moved = cv2.warpAffine(pixels, move, (width, height), borderMode=cv2.BORDER_REPLICATE)
    scale = rng.choice(scales)
    if scale != 1.0:
        how = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        moved = cv2.resize(moved, None, fx=scale, fy=scale, interpolation=how)
    _, data = cv2.imencode(".jpg", moved, [cv2.IMWRITE_JPEG_QUALITY, rng.randint(50, 95)])
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)
