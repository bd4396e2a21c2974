"""Dialogs: a panel of its own colour or with a frame, with something said and a button below to answer it."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from foureyes.engine.alarms import tells_error, tells_lost
from foureyes.engine.buttons import is_button, is_step
from foureyes.engine.labels import folded
from foureyes.engine.line import Line
from foureyes.engine.rectangles import filled, framed
from foureyes.engine.sight import Sight
from foureyes.engine.stance import in_row
from foureyes.picture import Box

_MOST_LINES = 10
"""A dialog says one thing; a panel with more lines is a form or a page."""
_FARTHEST_UP = 12.0
"""How far over a button, in its heights, what it answers may stand."""
_HIGHEST_BUTTON = 0.4
"""Where the button's middle may be at the highest, as a fraction of the panel's height from its top."""
_TWIN_PX = 8
"""By how much cards of one row may seem to be out of it: an edge is found inside or outside its line."""
_WIDEST_FIELD = 0.95
"""Of the panel's width: a title's bar is wider."""
_HIGHEST_FIELD = 3.5
"""In heights of the button's text; what is higher is a picture or a page in the panel."""


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


def dialog_panel(sight: Sight) -> Panel | None:
    """The dialog of a picture, or None. Only a panel around a button-like text is looked for."""
    buttons = [line for line in sight.lines if is_button(line)]
    if not buttons:
        return None
    texts = [line.box for line in _above(sight.lines, buttons)]
    boxes = {*framed(sight.pixels), *filled(sight.pixels, texts)}
    panels = [panel for box in boxes if (panel := _panel(box, sight)) is not None]
    dialogs = [panel for panel in panels if _tells_trouble(panel) or not _is_of_page(panel, panels, boxes)]
    return min(dialogs, key=_area, default=None)


def _panel(box: Box, sight: Sight) -> Panel | None:
    """What could be the dialog in a rectangle: something is said above its answers, and it is no whole page."""
    inside = tuple(line for line in sight.lines if _contains(box, line.box))
    said = [line for line in inside if not is_button(line)]
    own = [line for line in inside if is_button(line) and _middle(line.box) > box.y + _HIGHEST_BUTTON * box.height]
    if not own or not 0 < len(said) <= _MOST_LINES or _repeats(own):
        return None
    if all(map(is_step, own)) and not any(_wants_an_answer(line.text) for line in said):
        return None
    above = any(line.box.bottom <= own[-1].box.y + own[-1].box.height // 2 for line in said)
    return Panel(box, inside, own[-1]) if above else None


def _tells_trouble(panel: Panel) -> bool:
    """Whether a panel says what no card and no form does: then two of them are two dialogs."""
    return any(tells_error(line.text) or tells_lost(line.text) for line in panel.lines)


def _is_of_page(panel: Panel, others: Iterable[Panel], boxes: Iterable[Box]) -> bool:
    """Whether a panel is a part of a page: a card or a form."""
    return _is_card(panel, others) or _is_form(panel, boxes)


def _repeats(buttons: Sequence[Line]) -> bool:
    """Whether two buttons say the same: a list asks of each of its rows, a dialog asks once."""
    return len({folded(button.text) for button in buttons}) < len(buttons)


def _wants_an_answer(text: str) -> bool:
    """Whether a text tells trouble or asks, which a card with a button to go on does not."""
    return tells_error(text) or tells_lost(text) or text.rstrip().endswith("?")


def _is_form(panel: Panel, boxes: Iterable[Box]) -> bool:
    """Whether a panel has several fields to fill in; a dialog asks for one thing at most."""
    found: list[Box] = []
    for box in boxes:
        if _could_be_field(box, panel) and not any(box.overlaps(other) for other in found):
            found.append(box)
    return len(found) > 1


def _could_be_field(box: Box, panel: Panel) -> bool:
    """Whether a rectangle is wide and low, above the button, and has nothing or one value in it."""
    around, button = panel.box, panel.button.box
    is_above = around.x <= box.x and around.y <= box.y and box.right <= around.right and box.bottom <= button.y
    is_wide = 2 * box.height <= box.width <= _WIDEST_FIELD * around.width
    if not (is_above and is_wide and box.height <= _HIGHEST_FIELD * button.height):
        return False
    inside = [line for line in panel.lines if _contains(box, line.box)]
    return len(inside) <= 1 and not any(map(is_button, inside))


def _is_card(panel: Panel, others: Iterable[Panel]) -> bool:
    """Whether there are more of its kind; a dialog is alone."""
    return any(_are_twins(panel, other) for other in others)


def _are_twins(panel: Panel, other: Panel) -> bool:
    """Whether two panels are cards: in one row or column, with the same button."""
    one, two = panel.box, other.box
    in_row = max(abs(one.y - two.y), abs(one.bottom - two.bottom)) <= _TWIN_PX
    in_column = max(abs(one.x - two.x), abs(one.right - two.right)) <= _TWIN_PX
    alike = folded(panel.button.text) == folded(other.button.text)
    return alike and (in_row or in_column) and not one.overlaps(two)


def _above(lines: Iterable[Line], buttons: Sequence[Line]) -> list[Line]:
    """The lines that stand over a button, near enough to be of one panel with it."""
    return [
        line
        for line in lines
        if not is_button(line)
        and any(0 < button.box.y - line.box.y < _FARTHEST_UP * button.box.height for button in buttons)
    ]


def _contains(box: Box, inner: Box) -> bool:
    """Whether a line is in a box; the detector's boxes reach a little over what is written."""
    room = inner.height // 3
    return (
        box.x <= inner.x + room
        and box.y <= inner.y + room
        and inner.right <= box.right + room
        and inner.bottom <= box.bottom + room
    )


def _goes_on(line: Line, then: Line) -> bool:
    """Whether a text goes on: in its next line, or beside where a line was found in two pieces."""
    high = max(line.box.height, then.box.height)
    is_below = abs(line.box.x - then.box.x) <= high and -high // 2 <= then.box.y - line.box.bottom <= high
    return is_below or (in_row(line.box, then.box) and abs(then.box.x - line.box.right) <= high // 2)


def _area(panel: Panel) -> int:
    return panel.box.width * panel.box.height


def _middle(box: Box) -> float:
    return box.y + box.height / 2
