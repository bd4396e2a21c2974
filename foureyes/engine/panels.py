"""Dialogs: a panel of its own colour in the middle of the picture, with text and a button to answer it."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass

import cv2
import numpy as np

from foureyes.engine.labels import folded
from foureyes.engine.line import Line
from foureyes.engine.sight import Sight
from foureyes.picture import Box, Pixels

_BUTTON_WORDS = (
    *(
        "ok",
        "close",
        "retry",
        "reload",
        "cancel",
        "yes",
        "no",
        "continue",
        "dismiss",
        "try again",
        "accept",
        "quit",
    ),
    *("abort", "ignore", "reconnect", "refresh", "got it"),
    *("schließen", "abbrechen", "erneut versuchen", "wiederholen", "ja", "nein", "weiter"),
    *("fermer", "annuler", "réessayer", "oui", "non", "continuer"),
    *("cerrar", "cancelar", "reintentar", "aceptar", "sí"),
    *("fechar", "tentar novamente", "aceitar", "sim", "não"),
)
_BUTTONS = frozenset(folded(word) for word in _BUTTON_WORDS)
_SMALLEST_SHARE, _LARGEST_SHARE = 0.01, 0.6
_OFF_CENTRE = 0.3
"""How far from the picture's middle a panel's middle may be, as a fraction of the picture."""
_RECTANGULAR = 0.8


@dataclass(frozen=True)
class Panel:
    """A dialog: its box, the lines in it and the one that is its button."""

    box: Box
    lines: tuple[Line, ...]
    button: Line

    @property
    def body(self) -> tuple[Line, ...]:
        """What the dialog says: its lines of several words that are no button."""
        return tuple(line for line in self.lines if not is_button(line) and len(line.text.split()) > 1)


def is_button(line: Line) -> bool:
    """Whether a line says what buttons of dialogs say."""
    return folded(line.text) in _BUTTONS


def dialog_panel(sight: Sight) -> Panel | None:
    """The dialog of a picture, or None. Only a panel around a button-like text is looked for."""
    buttons = [line for line in sight.lines if is_button(line)]
    if not buttons:
        return None
    boxes = sorted(_panels(sight.pixels), key=lambda box: box.width * box.height)
    for box in boxes:
        inside = tuple(line for line in sight.lines if _contains(box, line.box))
        own = [line for line in inside if is_button(line)]
        if own and any(not is_button(line) for line in inside):
            return Panel(box, inside, own[0])
    return None


def _panels(pixels: Pixels) -> Iterable[Box]:
    """Rectangles in the middle area, found by their edges."""
    height, width = pixels.shape[:2]
    edges = cv2.dilate(cv2.Canny(pixels, 30, 90), np.ones((3, 3), np.uint8))
    contours, _ = cv2.findContours(edges, cv2.RETR_LIST, cv2.CHAIN_APPROX_SIMPLE)
    for contour in contours:
        x, y, across, down = cv2.boundingRect(contour)
        share = across * down / (width * height)
        if not _SMALLEST_SHARE <= share <= _LARGEST_SHARE:
            continue
        middle = (
            abs((x + across / 2) / width - 0.5) <= _OFF_CENTRE
            and abs((y + down / 2) / height - 0.5) <= _OFF_CENTRE
        )
        if middle and cv2.contourArea(contour) >= _RECTANGULAR * across * down:
            yield Box(x, y, across, down)


def _contains(box: Box, inner: Box) -> bool:
    return box.x <= inner.x and box.y <= inner.y and inner.right <= box.right and inner.bottom <= box.bottom
