"""A value of numbers is read twice from the same pixels, and published where both say the same."""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pytest
from screens import At, draw
from test_layouts import INTEGER, MONEY, PERCENT, TEXT, schema

from foureyes.engine import reader
from foureyes.engine.answer import Answer
from foureyes.engine.ink import type_size_px
from foureyes.engine.line import Text
from foureyes.engine.memo import Memo, Memory
from foureyes.engine.ocr import Ocr
from foureyes.engine.page import PageReader
from foureyes.engine.timings import Timings
from foureyes.picture import Box, Pixels


class SlippingOcr:
    """The real nets, which slip at one text every other time that they see it."""

    def __init__(self, ocr: Ocr, wanted: str, slipped: str) -> None:
        self._ocr = ocr
        self._wanted, self._slipped = wanted, slipped
        self.slips = False

    def detect(self, pixels: Pixels) -> list[Box]:
        return self._ocr.detect(pixels)

    def recognise(self, crop: Pixels) -> Text:
        text = self._ocr.recognise(crop)
        if self._wanted not in text.text:
            return text
        self.slips = not self.slips
        return text if self.slips else replace(text, text=text.text.replace(self._wanted, self._slipped))


class CuttingOcr:
    """The real nets, whose detector begins each box right of `x` so many pixels too late."""

    def __init__(self, ocr: Ocr, x: int, cut_px: int) -> None:
        self._ocr, self._x, self._cut_px = ocr, x, cut_px
        self.recognise = ocr.recognise

    def detect(self, pixels: Pixels) -> list[Box]:
        boxes = self._ocr.detect(pixels)
        return [box if box.right < self._x else self._late(box) for box in boxes]

    def _late(self, box: Box) -> Box:
        return Box(box.x + self._cut_px, box.y, box.width - self._cut_px, box.height)


def answer(ocr: Any, asked: dict[str, Any], *texts: At) -> Answer:
    sight = PageReader(ocr, Memo()).sight(0, draw(texts, 640, 200), None, Memory(), Timings())
    return reader.read(asked, [sight])


@pytest.mark.parametrize(
    ("shown", "kind", "value"),
    [("$1,785.42", MONEY, "1785.42"), ("1204", INTEGER, 1204), ("41.5 %", PERCENT, 41.5)],
)
def test_a_value_is_read_twice(ocr: Ocr, shown: str, kind: dict[str, Any], value: object) -> None:
    """Two reads that say the same are told with the value; the text of a word field is read once."""
    texts = [At(40, 40, "Balance"), At(300, 40, shown), At(40, 120, "Place"), At(300, 120, "Hall 7")]
    found = answer(ocr, schema(balance=kind, place=TEXT), *texts)
    assert found.values == {"balance": value, "place": "Hall 7"}
    assert {name: each["reads"] for name, each in found.evidence.items()} == {"balance": 2, "place": 1}
    assert "alternatives" not in found.evidence["balance"]


@pytest.mark.parametrize(
    ("slipped", "second"),
    [("1785.47", "1785.47"), ("17x5.42", None)],
    ids=["another value", "no value"],
)
def test_two_reads_that_differ_are_a_conflict(ocr: Ocr, slipped: str, second: str | None) -> None:
    """Nothing is published; both readings are told, so that what the field showed before can decide."""
    nets = SlippingOcr(ocr, "1785.42", slipped)
    found = answer(nets, schema(balance=MONEY), At(40, 40, "Balance"), At(300, 40, "1785.42"))
    assert (found.values, found.withheld) == ({"balance": None}, {"balance": "conflict"})
    evidence = found.evidence["balance"]
    told = [(each["text"], each["value"]) for each in evidence["alternatives"]]
    assert (evidence["reads"], told) == (2, [("1785.42", "1785.42"), (slipped, second)])
    assert all(0 < each["score"] <= 1 for each in evidence["alternatives"])


@pytest.mark.parametrize(
    ("shown", "kind", "reason", "others"),
    [
        ("17,850", MONEY, "ambiguous", ["17850", "17.850"]),
        ("17,850", {**MONEY, "maximum": 100}, "ambiguous", ["17.850"]),
        ("512.50", {**MONEY, "maximum": 100}, "implausible", ["12.50"]),
        ("479", {"type": ["number", "null"], "maximum": 100}, "implausible", []),
    ],
)
def test_what_cannot_be_told_names_what_it_could_be(
    ocr: Ocr, shown: str, kind: dict[str, Any], reason: str, others: list[str]
) -> None:
    """A separator with two meanings, and an amount whose dollar sign may be its first digit: none is published."""
    found = answer(ocr, schema(balance=kind), At(40, 40, "Balance"), At(300, 40, shown))
    assert (found.values, found.withheld) == ({"balance": None}, {"balance": reason})
    assert [each["value"] for each in found.evidence["balance"].get("alternatives", [])] == others


def test_a_number_whose_beginning_was_cut_off_is_a_conflict(ocr: Ocr) -> None:
    """The detector's box began too late: both reads say the same, and the ink beside the box says otherwise."""
    texts = [At(40, 40, "Balance"), At(300, 40, "1785.42")]
    whole = answer(ocr, schema(balance=MONEY), *texts)
    assert whole.values == {"balance": "1785.42"}
    cut = answer(CuttingOcr(ocr, 300, 20), schema(balance=MONEY), *texts)
    assert (cut.values, cut.withheld) == ({"balance": None}, {"balance": "conflict"})


@pytest.mark.parametrize(
    ("left", "top", "right", "bottom", "value"),
    [
        (10, 10, 220, 80, "1234567.89"),
        (40, 10, 220, 80, None),
        (55, 10, 220, 80, None),
        (10, 10, 158, 80, None),
        (10, 10, 138, 80, None),
        (10, 46, 220, 80, None),
        (10, 10, 220, 46, None),
    ],
)
def test_a_number_that_the_edge_of_its_picture_cuts_is_withheld(
    ocr: Ocr, left: int, top: int, right: int, bottom: int, value: str | None
) -> None:
    """A value that grew out of its region, at whichever side, would be another number: 234,567.89."""
    pixels = draw([At(20, 30, "1,234,567.89", 24)], 240, 90)[top:bottom, left:right].copy()
    sight = PageReader(ocr, Memo()).sight(0, pixels, None, Memory(), Timings())
    assert reader.read(schema(balance={**MONEY, "x-alone": True}), [sight]).values == {"balance": value}


@pytest.mark.parametrize("border_px", [None, 3])
def test_the_size_of_type_is_that_of_its_own_line(border_px: int | None) -> None:
    """Neither a border nor the ink of a line above counts, though the box holds them."""
    pixels = draw([At(40, 20, "gypsum", 12), At(40, 36, "1785.42", 12)], 200, 80)
    if border_px:
        pixels[33 : 33 + border_px, 20:180] = 255
    assert 11 <= type_size_px(pixels, Box(40, 26, 60, 24)) <= 13
