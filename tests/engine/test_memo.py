"""The memo makes answers cheaper and never changes them."""

from __future__ import annotations

import random
from collections.abc import Iterable, Mapping, Sequence

import numpy as np
import pytest
from screens import At, draw, font
from test_layouts import MONEY, schema

from foureyes.engine import reader
from foureyes.engine.answer import Answer
from foureyes.engine.change import changed_windows, holding
from foureyes.engine.line import Text
from foureyes.engine.memo import Memo, Memory
from foureyes.engine.ocr import Ocr
from foureyes.engine.page import PageReader
from foureyes.engine.timings import Timings
from foureyes.picture import Box, Pixels, distance

NAMES = ("grand", "major", "minor", "mini", "balance")
PLACES = ((60, 40), (460, 40), (860, 40), (60, 240), (460, 240))
ASKED = schema(**{name: {**MONEY, "title": name.title()} for name in NAMES})
Shown = Mapping[str, int | None]
FAINT = (44, 46, 54)
"""Twenty levels above the background."""
WIDE, NARROW = (int(font(24).getlength(text)) for text in ("Waiting for data", "345"))


class CountingOcr:
    """The real nets, and how often each was used."""

    def __init__(self, ocr: Ocr) -> None:
        self._ocr = ocr
        self.detected_px = 0
        self.recognised = 0

    def detect(self, pixels: Pixels) -> list[Box]:
        self.detected_px += pixels.shape[0] * pixels.shape[1]
        return self._ocr.detect(pixels)

    def recognise(self, crop: Pixels) -> Text:
        self.recognised += 1
        return self._ocr.recognise(crop)


def paint(shown: Shown) -> Pixels:
    """Five labels over their amounts in cents; a hidden one shows its label alone."""
    texts = []
    for name, (x, y) in zip(NAMES, PLACES, strict=True):
        texts.append(At(x, y, name.upper(), 24))
        cents = shown[name]
        if cents is not None:
            texts.append(At(x, y + 34, f"${cents // 100:,}.{cents % 100:02d}", 34))
    return draw([*texts, At(60, 420, "All wins are paid at once", 20)], 1280, 480)


def sequence(seed: int, length: int) -> Iterable[Shown]:
    """One to five values tick; some grow by a digit, some vanish and come back."""
    rng = random.Random(seed)  # noqa: S311 - drawn amounts, no secret
    shown: dict[str, int | None] = {name: rng.randrange(90_000, 99_990) for name in NAMES}
    for _ in range(length):
        yield dict(shown)
        for name in rng.sample(NAMES, rng.randint(1, 5)):
            cents = shown[name]
            if cents is None:
                shown[name] = rng.randrange(1_000, 200_000)
            elif rng.random() < 0.15:
                shown[name] = None
            else:
                shown[name] = cents + rng.choice((1, 20, 700, 6_000))


def answer(pages: PageReader, pixels: Pixels, stream: str | None, memory: Memory | None = None) -> Answer:
    asked = memory or Memory()
    return reader.read(ASKED, [pages.sight(0, pixels, stream, asked, Timings())])


def truth(shown: Shown) -> dict[str, str | None]:
    return {name: None if cents is None else f"{cents / 100:.2f}" for name, cents in shown.items()}


@pytest.mark.parametrize("seed", [1, 2])
def test_dropping_the_memo_never_changes_an_answer(ocr: Ocr, seed: int) -> None:
    """While values tick, grow, vanish and return, a remembered stream answers as a cold engine does: the truth."""
    warm = PageReader(ocr, Memo())
    for shown in sequence(seed, 9):
        pixels = paint(shown)
        remembered = answer(warm, pixels, "main/x#0")
        cold = answer(PageReader(ocr, Memo()), pixels, None)
        assert remembered.values == cold.values == truth(shown)
        assert remembered.withheld == cold.withheld


def test_a_value_that_grows_by_a_digit_is_read_whole(ocr: Ocr) -> None:
    """The old box of $999.95 would misread $1,000.15; the box is found anew."""
    pages = PageReader(ocr, Memo())
    before: dict[str, int | None] = dict.fromkeys(NAMES, 99_995)
    for name in NAMES:
        answer(pages, paint(before), "main/x#0")
        grown = {**before, name: 100_015}
        assert answer(pages, paint(grown), "main/x#0").values == truth(grown)


BEFORE_AND_AFTER = {
    "a faint value grows": ([At(200, 60, "$5.00", 24, FAINT)], [At(200, 60, "$5.01K", 24, FAINT)]),
    "a faint value becomes negative": ([At(271, 60, "5.00", 24, FAINT)], [At(256, 60, "-6.00", 24, FAINT)]),
    "two values stand where one text stood": (
        [At(200, 60, "Waiting for data", 24)],
        [At(200, 60, "12", 24), At(200 + WIDE - NARROW, 60, "345", 24)],
    ),
}


@pytest.mark.parametrize("kind", BEFORE_AND_AFTER)
def test_what_no_longer_fits_its_box_is_looked_for_again(ocr: Ocr, kind: str) -> None:
    """Text that is laid out otherwise than before is found anew: a stream reads as a cold engine does."""
    faint = At(60, 60, "BALANCE", 24, FAINT)
    before, after = (draw([faint, *texts], 640, 200) for texts in BEFORE_AND_AFTER[kind])
    warm, cold = PageReader(ocr, Memo()), PageReader(ocr, Memo())
    warm.read(before, "main/x#0", Memory(), Timings())
    remembered = warm.read(after, "main/x#0", Memory(), Timings())
    anew = cold.read(after, None, Memory(), Timings())
    assert sorted(line.text for line in remembered.lines) == sorted(line.text for line in anew.lines)


def test_work_follows_what_changed(ocr: Ocr) -> None:
    """An equal picture costs nothing, a changed digit two reads of its line, a grown value a small detection."""
    nets = CountingOcr(ocr)
    pages = PageReader(nets, Memo())  # type: ignore[arg-type]  # the real nets, counted
    shown: dict[str, int | None] = dict.fromkeys(NAMES, 123_456)
    answer(pages, paint(shown), "main/x#0")
    whole_px, lines = nets.detected_px, nets.recognised
    answer(pages, paint(shown), "main/x#0")
    assert (nets.detected_px, nets.recognised) == (whole_px, lines)
    answer(pages, paint({**shown, "minor": 123_457}), "main/x#0")
    assert nets.detected_px == whole_px
    assert nets.recognised - lines <= 3
    answer(pages, paint({**shown, "minor": 12_345_678}), "main/x#0")
    assert 0 < nets.detected_px - whole_px < whole_px / 4


def test_one_picture_of_two_streams_is_looked_at_once(ocr: Ocr) -> None:
    """Another task that sends the same pixels finds them read."""
    nets = CountingOcr(ocr)
    pages = PageReader(nets, Memo())  # type: ignore[arg-type]  # the real nets, counted
    pixels = paint(dict.fromkeys(NAMES, 123_456))
    answer(pages, pixels, "main/x#0")
    used = nets.detected_px, nets.recognised
    answer(pages, pixels, "main/y#0")
    answer(pages, pixels, None)
    assert (nets.detected_px, nets.recognised) == used


def test_what_is_older_than_asked_is_read_anew(ocr: Ocr) -> None:
    """A request may refuse what was remembered before some moment; nothing younger is read twice."""
    now_s = [100.0]
    nets = CountingOcr(ocr)
    pages = PageReader(nets, Memo(clock=lambda: now_s[0]))  # type: ignore[arg-type]  # the real nets, counted
    pixels = paint(dict.fromkeys(NAMES, 123_456))
    answer(pages, pixels, "main/x#0")
    lines = nets.recognised
    now_s[0] = 130.0
    answer(pages, pixels, "main/x#0", Memory(oldest_s=90.0))
    assert nets.recognised == lines
    answer(pages, pixels, "main/x#0", Memory(oldest_s=110.0))
    assert nets.recognised == 2 * lines


def test_every_changed_pixel_is_in_a_window() -> None:
    """Whatever changed, even one level of one channel, lies inside a window with room around it."""
    rng = np.random.default_rng(7)
    old = rng.integers(0, 255, (333, 517, 3), dtype=np.uint8)
    for _ in range(20):
        new = old.copy()
        spots = [(int(rng.integers(333)), int(rng.integers(517)), int(rng.integers(3))) for _ in range(3)]
        for spot in spots:
            new[spot] ^= 1
        windows = changed_windows(distance(old, new))
        for y, x, _ in spots:
            assert any(box.x <= x < box.right and box.y <= y < box.bottom for box in windows)
    assert changed_windows(distance(old, old.copy())) == []


def test_windows_hold_whole_lines_and_do_not_overlap() -> None:
    """A window grows over each line that it touches, and windows that meet become one."""
    lines = [Box(0, 0, 100, 20), Box(90, 10, 100, 20), Box(400, 300, 50, 20)]
    grown: Sequence[Box] = holding([Box(80, 5, 4, 4), Box(180, 20, 30, 30)], lines)
    assert grown == [Box(0, 0, 210, 50)]
