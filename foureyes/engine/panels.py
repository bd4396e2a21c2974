"""Dialogs: a panel of its own colour or with a frame, with something said and a button below to answer it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np

from foureyes.engine.labels import folded
from foureyes.engine.line import Line
from foureyes.engine.sight import Sight
from foureyes.picture import Box, Pixels

_BUTTON_WORDS = (
    *("ok", "close", "retry", "reload", "cancel", "yes", "no", "continue", "dismiss", "try again", "accept"),
    *("quit", "abort", "ignore", "reconnect", "refresh", "got it", "discard", "don't save", "allow", "deny"),
    *("schließen", "abbrechen", "erneut versuchen", "wiederholen", "ja", "nein", "weiter", "verstanden"),
    *("neu laden", "neu verbinden", "verwerfen", "beenden"),
    *("fermer", "annuler", "réessayer", "oui", "non", "continuer", "accepter", "recharger", "d'accord"),
    *("cerrar", "cancelar", "reintentar", "aceptar", "sí", "continuar", "recargar", "entendido"),
    *("fechar", "tentar novamente", "aceitar", "sim", "não", "recarregar", "entendi"),
)
_BUTTONS = frozenset(folded(word) for word in _BUTTON_WORDS)
_SMALLEST_SHARE, _LARGEST_SHARE = 0.004, 0.5
_RECTANGULAR = 0.8
_SAME_COLOUR = 5
"""How far a pixel of a panel's ground may be from its colour, in each channel; JPEG stays below."""
_NOISE = 2
"""By how much a ground differs from line to line of one panel, in any channel."""
_MOST_LINES = 10
"""A dialog says one thing; a panel with more lines is a form or a page."""
_FARTHEST_UP = 12.0
"""How far over a button, in its heights, what it answers may stand."""
_HIGHEST_BUTTON = 0.4
"""Where the button's middle may be at the highest, as a fraction of the panel's height from its top."""

Colour = tuple[int, ...]


@dataclass(frozen=True)
class Panel:
    """A dialog: its box, the lines in it and the one that is its button."""

    box: Box
    lines: tuple[Line, ...]
    button: Line

    @property
    def body(self) -> tuple[Line, ...]:
        """What the dialog says: its lines of several words that are no button, and how they go on."""
        said: list[Line] = []
        for line in self.lines:
            if not is_button(line) and (len(line.text.split()) > 1 or (said and _goes_on(said[-1], line))):
                said.append(line)
        return tuple(said)


def is_button(line: Line) -> bool:
    """Whether a line says what buttons of dialogs say; the icon before it may be read as a character."""
    behind_icon = line.text.strip()[1:].lstrip()
    return folded(line.text) in _BUTTONS or (behind_icon[:1].isupper() and folded(behind_icon) in _BUTTONS)


def dialog_panel(sight: Sight) -> Panel | None:
    """The dialog of a picture, or None. Only a panel around a button-like text is looked for."""
    buttons = [line for line in sight.lines if is_button(line)]
    if not buttons:
        return None
    boxes = (*_framed(sight.pixels), *_filled(sight, buttons))
    for box in sorted(set(boxes), key=lambda box: box.width * box.height):
        panel = _panel(box, sight)
        if panel is not None:
            return panel
    return None


def _panel(box: Box, sight: Sight) -> Panel | None:
    """The dialog in a rectangle: something is said above its button, and it is not a whole form."""
    inside = tuple(line for line in sight.lines if _contains(box, line.box))
    said = [line for line in inside if not is_button(line)]
    own = [line for line in inside if is_button(line) and _middle(line.box) > box.y + _HIGHEST_BUTTON * box.height]
    if not own or not 0 < len(said) <= _MOST_LINES:
        return None
    above = any(line.box.bottom <= own[-1].box.y + own[-1].box.height // 2 for line in said)
    return Panel(box, inside, own[-1]) if above else None


def _framed(pixels: Pixels) -> Iterator[Box]:
    """Rectangles that are found by their edges."""
    edges = cv2.dilate(cv2.Canny(pixels, 30, 90), np.ones((3, 3), np.uint8))
    yield from _rectangles(np.asarray(edges, np.uint8))


def _filled(sight: Sight, buttons: Iterable[Line]) -> Iterator[Box]:
    """Rectangles of the colour on which the lines above a button stand, however they end at what is around."""
    grounds = [_ground(sight.pixels, line.box) for line in _above(sight.lines, buttons)]
    for ground in _unlike(grounds):
        low, high = (tuple(value + by for value in ground) for by in (-_SAME_COLOUR, _SAME_COLOUR))
        mask = np.asarray(cv2.inRange(sight.pixels, np.array(low), np.array(high)), np.uint8)
        yield from _rectangles(mask)


def _unlike(grounds: Iterable[Colour]) -> list[Colour]:
    """One colour for all that are the same but for noise, so that each is looked for once."""
    kept: list[Colour] = []
    for ground in grounds:
        if all(max(map(abs, map(int.__sub__, ground, known))) > _NOISE for known in kept):
            kept.append(ground)
    return kept


def _above(lines: Iterable[Line], buttons: Iterable[Line]) -> list[Line]:
    """The lines that stand over a button, near enough to be of one panel with it."""
    under = list(buttons)
    return [
        line
        for line in lines
        if not is_button(line)
        and any(0 < button.box.y - line.box.y < _FARTHEST_UP * button.box.height for button in under)
    ]


def _ground(pixels: Pixels, box: Box) -> Colour:
    """The colour that a line stands on: the middle one of its box, since letters fill less than half of it."""
    height, width = pixels.shape[:2]
    around = box.widened(max(2, box.height // 4), width, height).cut(pixels)
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


def _contains(box: Box, inner: Box) -> bool:
    """Whether a line is in a box; the detector's boxes reach a little over what is written."""
    room = inner.height // 3
    return (
        box.x <= inner.x + room
        and box.y <= inner.y + room
        and inner.right <= box.right + room
        and inner.bottom <= box.bottom + room
    )


def _goes_on(line: Line, below: Line) -> bool:
    """Whether a line is the next one of the same text."""
    high = max(line.box.height, below.box.height)
    left = abs(line.box.x - below.box.x) <= high
    return left and -high // 2 <= below.box.y - line.box.bottom <= high


def _middle(box: Box) -> float:
    return box.y + box.height / 2
