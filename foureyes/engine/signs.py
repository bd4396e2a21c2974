"""The model `signs`: dialogs, error texts, lost connections; black, single-coloured and frozen pictures.

False is said only of what was looked for and not found; what could not be looked for is null.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from foureyes.engine.alarms import could_be_label, tells_error, tells_lost
from foureyes.engine.answer import Answer, Finding, answer_of, corners, withheld
from foureyes.engine.line import Line
from foureyes.engine.panels import Panel, dialog_panel
from foureyes.engine.sight import Sight
from foureyes.engine.stance import blocked, stance
from foureyes.picture import Pixels
from foureyes.schema.document import Field, Schema, fields

_CONFIDENCE_FROM = (
    "score of the recogniser on the words that told, or the measured share of dark or changed pixels"
)
_DARK = 24
_DARK_SHARE = 0.995
_QUIET_SPREAD = 8.0
_BLANK_SHARE = 0.9998
"""So much that not even a line of small text stands there."""
_SPARSE = 8
_WRITTEN = {"error_text", "disconnected"}
_LEAST_FOR_TEXT = (32, 12)
"""Width and height in pixels below which no word of legible size fits: a region may be a single status line."""
_LEAST_FOR_SCREEN = (64, 32)
"""Width and height in pixels below which no dialog fits and nothing tells of a whole screen."""
_COUNT = re.compile(r"\d+(?:[.,' ]\d{3})*")
_FARTHEST_COUNT = 30.0
"""A counter's number may stand this many heights right of its label."""


@dataclass(frozen=True)
class _View:
    """A sight and its dialog, which is looked for once for all signs that ask."""

    sight: Sight

    @cached_property
    def panel(self) -> Panel | None:
        """The dialog, or None."""
        return dialog_panel(self.sight)


def look_out(schema: Schema, sights: Sequence[Sight]) -> Answer:
    """Answer each field by its `x-sign`."""
    views = [_View(sight) for sight in sights]
    findings = {field.name: _field(field, views) for field in fields(schema)}
    return answer_of(schema, findings, _CONFIDENCE_FROM)


def _field(field: Field, views: Sequence[_View]) -> Finding:
    sign = field.annotations.get("x-sign")
    view = views[min(field.annotations.get("x-picture", 0), len(views) - 1)]
    look = _LOOKS.get(str(sign))
    if look is None:
        return withheld("absent")
    height, width = view.sight.pixels.shape[:2]
    least_width, least_height = _LEAST_FOR_TEXT if sign in _WRITTEN else _LEAST_FOR_SCREEN
    if width < least_width or height < least_height:
        return withheld("too_small")
    return _as_asked(field, look(view))


def _as_asked(field: Field, found: Finding) -> Finding:
    """A sign asked for as an enum with yes and no is answered with these."""
    if field.kind == "enum" and isinstance(found.value, bool):
        word = "yes" if found.value else "no"
        if word not in field.members:
            return withheld("unreadable")
        return Finding(word, None, found.evidence, found.confidence)
    return found


def _error_text(view: _View) -> Finding:
    """The line that tells an error and those of its dialog; null with no reason to withhold is: there is none."""
    sight, panel = view.sight, view.panel
    told = [line for line in sight.lines if tells_error(line.text) or tells_lost(line.text)]
    telling = [line for line in told if (panel and line in panel.lines) or not _names_number(line, sight)]
    if not telling:
        return withheld("absent" if sight.complete else "unreadable")
    spoken = [line for line in telling if len(line.text.split()) > 1] or telling
    if panel is not None and panel.body and any(line in panel.lines for line in telling):
        spoken = list(panel.body)
    text = " ".join(line.text.strip() for line in spoken)
    return Finding(text, None, sight.evidence(spoken[0]), min(line.score for line in spoken))


def _names_number(line: Line, sight: Sight) -> bool:
    """Whether a line is the label of a count that stands by it, which tells nothing that went wrong."""
    if not could_be_label(line.text) or tells_lost(line.text):
        return False
    counts = [piece.box for piece in sight.pieces if _COUNT.fullmatch(piece.text)]
    texts = [other.box for other in sight.lines]
    return any(
        stance(line.box, box, _FARTHEST_COUNT)[0] is not None and not blocked(line.box, box, texts)
        for box in counts
    )


def _dialog(view: _View) -> Finding:
    sight, panel = view.sight, view.panel
    if panel is not None:
        evidence = {"box": corners(panel.box), "picture": sight.index, "text": panel.button.text, "reads": 1}
        return Finding(True, None, evidence, panel.button.score)
    return Finding(False) if sight.complete else withheld("unreadable")


def _disconnected(view: _View) -> Finding:
    sight = view.sight
    telling = [line for line in sight.lines if tells_lost(line.text)]
    if telling:
        return Finding(True, None, sight.evidence(telling[0]), telling[0].score)
    return Finding(False) if sight.complete else withheld("unreadable")


def _black(view: _View) -> Finding:
    sight = view.sight
    share = _dark_share(sight.pixels)
    is_black = share >= _DARK_SHARE and float(cv2.meanStdDev(sight.pixels)[1].max()) < _QUIET_SPREAD
    evidence = {"picture": sight.index, "dark_share": round(share, 4), "reads": 1}
    return Finding(is_black, None, evidence, share if is_black else 1.0 - share * 0.5)


def _blank(view: _View) -> Finding:
    """One colour all over, as a window that draws nothing shows; a gradient or a picture of noise is none."""
    sight = view.sight
    ground = np.median(sight.pixels[::_SPARSE, ::_SPARSE].reshape(-1, 3), axis=0)
    alike = cv2.inRange(sight.pixels, ground - _QUIET_SPREAD, ground + _QUIET_SPREAD)
    share = cv2.countNonZero(alike) / alike.size
    evidence = {"picture": sight.index, "one_colour_share": round(share, 5), "reads": 1}
    is_blank = share >= _BLANK_SHARE
    return Finding(is_blank, None, evidence, share if is_blank else 1.0 - share * 0.5)


def _frozen(view: _View) -> Finding:
    sight = view.sight
    if sight.earlier is None or sight.earlier.shape != sight.pixels.shape:
        return withheld("absent")
    equal = cv2.inRange(cv2.absdiff(sight.pixels, sight.earlier), np.zeros(3), np.zeros(3))
    changed = 1.0 - cv2.countNonZero(equal) / equal.size
    evidence = {"picture": sight.index, "changed_share": round(changed, 5), "reads": 1}
    return Finding(changed == 0.0, None, evidence, 1.0)


def _dark_share(pixels: Pixels) -> float:
    dark = cv2.inRange(pixels, np.zeros(3), np.full(3, _DARK - 1.0))
    return cv2.countNonZero(dark) / dark.size


_LOOKS: dict[str, Callable[[_View], Finding]] = {
    "error_text": _error_text,
    "dialog": _dialog,
    "disconnected": _disconnected,
    "black": _black,
    "blank": _blank,
    "frozen": _frozen,
}
