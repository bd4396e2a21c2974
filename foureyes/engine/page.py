"""Reading a picture's text: wholly when it is new, only around what changed when its stream is known."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import replace
from functools import partial

import cv2
import numpy as np

from foureyes.engine.change import beyond, changed_windows, holding, rewritten
from foureyes.engine.line import Line, line_of, unpadded
from foureyes.engine.memo import Memo, Memory, Page
from foureyes.engine.ocr import GRID_PX, Ocr, scaled
from foureyes.engine.sight import Sight
from foureyes.engine.timings import Timings
from foureyes.picture import Box, Pixels, digest, distance

_WORTH_A_WHOLE = 0.5
"""Windows that cover more of the picture than this are no cheaper than the whole."""
_ALL_NEW = 0.9
"""Where a larger share of the pixels differs, no line is looked for in its place."""
_LOWEST_SCORE = 0.5
"""Below this the recogniser saw a pattern, not text."""
_JITTER_PX = 4
"""By how much a box may move when it is found again in another window."""
_TALLEST_PX = 256
"""No line of text is higher in the detector's picture; things in motion are taken for one huge line."""
_MOST_WIDTH = 600.0
"""Sum of width over height of all lines that are recognised in one picture: about three seconds of one core."""
_PADDING_PX = (3, 3, 10, 10)
"""Above, below, left and right of a line that is read again: of all second looks the one that finds slips."""


class PageReader:
    """Turns pictures into pages of lines; one picture costs a bounded time, whatever is in it."""

    def __init__(self, ocr: Ocr, memo: Memo) -> None:
        self._ocr = ocr
        self.memo = memo

    def read(self, pixels: Pixels, stream: str | None, memory: Memory, timings: Timings) -> Page:
        """Return the page of a picture; with a stream's last page at hand only changes are looked at."""
        key = digest(pixels)
        known = self.memo.page(key, pixels, memory)
        page = (
            known
            or self._changed(key, pixels, stream, memory, timings)
            or self._whole(key, pixels, memory, timings)
        )
        self.memo.keep(stream, page)
        return page

    def look(self, pixels: Pixels, box: Box, memory: Memory) -> Line:
        """Recognise one place without detection: the second look at an empty field."""
        return line_of(self.memo.text(box.cut(pixels), self._ocr.recognise, memory), box)

    def again(self, pixels: Pixels, box: Box, memory: Memory) -> Line:
        """Recognise a line's place once more, with its edge pixels repeated around it: a second opinion."""
        crop = cv2.copyMakeBorder(box.cut(pixels), *_PADDING_PX, cv2.BORDER_REPLICATE)
        text = self.memo.text(np.asarray(crop, np.uint8), self._ocr.recognise, memory)
        return line_of(unpadded(text, box.width, _PADDING_PX[2]), box)

    def sight(
        self,
        index: int,
        pixels: Pixels,
        stream: str | None,
        memory: Memory,
        timings: Timings,
        earlier: Pixels | None = None,
    ) -> Sight:
        """Read a picture, and give what was read with leave to look at single places again."""
        page = self.read(pixels, stream, memory, timings)
        unread = self.unread(index, pixels, stream, memory, timings, earlier)
        return replace(unread, lines=page.lines, complete=page.complete)

    def unread(
        self,
        index: int,
        pixels: Pixels,
        stream: str | None,  # noqa: ARG002 - the signature of `sight`
        memory: Memory,
        timings: Timings,  # noqa: ARG002
        earlier: Pixels | None = None,
    ) -> Sight:
        """A picture whose text nobody asks for: as if it had none."""
        look, again = partial(self.look, pixels, memory=memory), partial(self.again, pixels, memory=memory)
        return Sight(index, pixels, (), complete=True, look=look, again=again, earlier=earlier)

    def _whole(self, key: str, pixels: Pixels, memory: Memory, timings: Timings) -> Page:
        now_s = self.memo.clock()
        with timings.step("detect"):
            boxes = self._detect(pixels, [_whole_of(pixels)])
        lines, complete = self._recognise(pixels, boxes, memory, timings)
        return Page(key, pixels, tuple(_in_order(lines)), complete, now_s)

    def _changed(
        self, key: str, pixels: Pixels, stream: str | None, memory: Memory, timings: Timings
    ) -> Page | None:
        last = self.memo.last(stream, memory)
        if last is None or not last.complete or last.pixels.shape != pixels.shape:
            return None
        with timings.step("detect"):
            same, windows = _same_places(last, pixels)
            if _area(windows) > _WORTH_A_WHOLE * pixels.shape[0] * pixels.shape[1]:
                return None
            found = self._detect(pixels, windows)
        fresh, complete = self._recognise(pixels, [*same, *found], memory, timings)
        if any(_is_cut(line.box, windows, pixels) for line in fresh if line.box not in same):
            return None
        kept = [line for line in last.lines if line.box not in same and not _touches(line.box, windows)]
        lines = tuple(_in_order([*kept, *fresh]))
        return Page(key, pixels, lines, complete, last.detected_s) if complete else None

    def _detect(self, pixels: Pixels, windows: Sequence[Box]) -> list[Box]:
        """Boxes of text in windows of a picture, found at the scale at which the whole picture is looked at."""
        if not windows:
            return []
        small, across, down = scaled(pixels)
        found: list[Box] = []
        for window in windows:
            cut = _on_grid(window, across, down, small)
            for box in self._ocr.detect(cut.cut(small)):
                if box.height > _TALLEST_PX:
                    continue
                placed = _placed(box, cut, across, down, pixels)
                if placed.width > 0 and placed.height > 0 and _has_middle(window, placed):
                    found.append(placed)
        return found

    def _recognise(
        self, pixels: Pixels, boxes: Iterable[Box], memory: Memory, timings: Timings
    ) -> tuple[list[Line], bool]:
        """The lines in these boxes, the short ones first: labels and values are short, running text is long."""
        lines: list[Line] = []
        spent = 0.0
        with timings.step("recognise"):
            for box in sorted(boxes, key=lambda box: (box.width / box.height, box.y, box.x)):
                spent += max(3.0, box.width / box.height)
                if spent > _MOST_WIDTH:
                    return lines, False
                text = self.memo.text(box.cut(pixels), self._ocr.recognise, memory)
                if text.text.strip() and text.score >= _LOWEST_SCORE:
                    lines.append(line_of(text, box))
        return lines, True


def _same_places(last: Page, pixels: Pixels) -> tuple[list[Box], list[Box]]:
    """The boxes of lines that are written anew in their place, and the windows in which text is to be found."""
    boxes = [line.box for line in last.lines]
    apart = distance(last.pixels, pixels)
    if cv2.countNonZero(apart) > _ALL_NEW * apart.size:
        return [], [_whole_of(pixels)]
    same = rewritten(apart, last.pixels, pixels, boxes)
    windows = holding(changed_windows(beyond(apart, same, boxes)), boxes)
    return [box for box in same if not _touches(box, windows)], windows


def _whole_of(pixels: Pixels) -> Box:
    return Box(0, 0, pixels.shape[1], pixels.shape[0])


def _on_grid(window: Box, across: float, down: float, small: Pixels) -> Box:
    """The window in the detector's picture, widened to its grid."""
    height, width = small.shape[:2]
    left = int(window.x / across) // GRID_PX * GRID_PX
    top = int(window.y / down) // GRID_PX * GRID_PX
    right = min(width, -(-int(window.right / across + 1) // GRID_PX) * GRID_PX)
    bottom = min(height, -(-int(window.bottom / down + 1) // GRID_PX) * GRID_PX)
    return Box(left, top, right - left, bottom - top)


def _placed(box: Box, cut: Box, across: float, down: float, pixels: Pixels) -> Box:
    """A box found in a cut of the detector's picture, in pixels of the original."""
    left, top = round((box.x + cut.x) * across), round((box.y + cut.y) * down)
    right, bottom = round((box.right + cut.x) * across), round((box.bottom + cut.y) * down)
    right, bottom = min(right, pixels.shape[1]), min(bottom, pixels.shape[0])
    return Box(left, top, right - left, bottom - top)


def _is_cut(box: Box, windows: Sequence[Box], pixels: Pixels) -> bool:
    """Whether a box found in a window reaches beyond it: then more of it may stand outside."""
    height, width = pixels.shape[:2]
    window = next(window for window in windows if _has_middle(window, box)).widened(_JITTER_PX, width, height)
    return box.x < window.x or box.y < window.y or box.right > window.right or box.bottom > window.bottom


def _has_middle(window: Box, box: Box) -> bool:
    """Whether a box belongs to a window: at the window's edge the same line is found a pixel or two elsewhere."""
    across, down = box.x + box.width // 2, box.y + box.height // 2
    return window.x <= across < window.right and window.y <= down < window.bottom


def _touches(box: Box, windows: Sequence[Box]) -> bool:
    return any(box.overlaps(window) for window in windows)


def _area(windows: Sequence[Box]) -> int:
    return sum(window.width * window.height for window in windows)


def _in_order(lines: Iterable[Line]) -> list[Line]:
    return sorted(lines, key=lambda line: (line.box.y, line.box.x, line.text))
