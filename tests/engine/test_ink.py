"""What stands around a value, rules, frames and bars, is told from its own ink: pictures, no nets."""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import replace

import pytest
from screens import At, draw, font

from foureyes.engine.ink import type_size_px
from foureyes.engine.line import Line, Text, line_of
from foureyes.engine.parting_dash import has_parting_dash
from foureyes.engine.pieces import pieces_of
from foureyes.engine.rereading import is_cut_off, read_again
from foureyes.engine.sight import Sight
from foureyes.engine.unread_minus import has_unread_minus
from foureyes.picture import Box, Pixels
from foureyes.schema.document import fields

BOX = Box(100, 30, 60, 26)
"""Around "1785" of 17 px, as loose as a detector's."""


def paint(y: slice, x: slice) -> Callable[[Pixels], None]:
    """A light stroke across a picture."""

    def stroke(pixels: Pixels) -> None:
        pixels[y, x] = 160

    return stroke


AROUND = {
    "nothing": paint(slice(0), slice(0)),
    "a rule below": paint(slice(54, 55), slice(0, 158)),
    "a rule on the box's first row": paint(slice(30, 31), slice(0, 158)),
    "a frame on the right": paint(slice(0, 90), slice(160, 162)),
    "a frame's corner": lambda pixels: (
        paint(slice(0, 55), slice(158, 159))(pixels),
        paint(slice(54, 55), slice(0, 159))(pixels),
    )[0],
}


@pytest.mark.parametrize("size", [9, 17])
@pytest.mark.parametrize("stroke", AROUND.values(), ids=AROUND.keys())
def test_strokes_around_a_value_do_not_count_as_its_size(stroke: Callable[[Pixels], None], size: int) -> None:
    """Type of 9 px between two rules is still too small, and one of 17 px is not."""
    pixels = draw([At(108, 34, "1785", size)], 240, 90)
    stroke(pixels)
    assert size - 1 <= type_size_px(pixels, BOX) <= size + 2


def test_a_narrow_digit_beside_an_equals_sign_is_as_high_as_it_is() -> None:
    """The bars have more ink than the digit, and are none of it."""
    pixels = draw([At(84, 34, "= 1", 17)], 240, 90)
    assert 16 <= type_size_px(pixels, Box(100, 30, 16, 26)) <= 19


@pytest.mark.parametrize(
    ("text", "x", "stroke", "is_cut"),
    [
        ("1785", 108, None, False),
        ("1785", 108, paint(slice(0, 90), slice(157, 158)), False),
        ("17852", 108, None, True),
        ("17852", 108, paint(slice(56, 57), slice(0, 160)), True),
        ("1785", 92, None, True),
    ],
    ids=["room", "a frame", "a digit", "a digit above a rule", "cut at the left"],
)
def test_a_frame_along_the_edge_cuts_nothing_off(
    text: str, x: int, stroke: Callable[[Pixels], None] | None, *, is_cut: bool
) -> None:
    """A value in a card at the picture's edge is whole; one whose ink reaches the edge may not be."""
    pixels = draw([At(x, 34, text, 17)], 160, 90)
    if stroke:
        stroke(pixels)
    pixels = pixels[:, 94:] if x < 100 else pixels
    box = Box(0, 30, 50, 26) if x < 100 else Box(100, 30, 60, 26)
    piece = pieces_of([Line("1785", (0.2, 0.4, 0.6, 0.8), 0.99, box)])[0]
    assert is_cut_off(piece, _sight(pixels, "")) is is_cut


@pytest.mark.parametrize(
    ("second", "told"),
    [("Latency 564 ms", "564"), ("Latency564 ms", "564"), ("Latency1564 ms", "1564")],
)
def test_a_second_read_that_loses_a_space_still_tells_the_number(second: str, told: str) -> None:
    """The label and its number in one word are parted where letters end; no digit is left out for it."""
    first = "Latency 564 ms"
    box = Box(10, 10, 10 * len(first), 24)
    piece = next(each for each in pieces_of([_line(first, box)]) if each.kind == "number")
    field = fields({"type": "object", "properties": {"latency": {"type": ["number", "null"]}}})[0]
    again = read_again(field, piece, _sight(draw([], 240, 90), second))
    assert again is not None
    assert again.text == told


def _line(text: str, box: Box) -> Line:
    centres = tuple((index + 0.5) / len(text) for index in range(len(text)))
    return line_of(Text(text, centres, 0.99), box)


def _sight(pixels: Pixels, second: str) -> Sight:
    """A picture of which every place says the same."""
    return Sight(0, pixels, (), True, lambda box: _line(second, box), lambda box: _line(second, box))


@pytest.mark.parametrize(
    ("text", "is_parting"),
    [
        ("Load - 45", True),
        ("Load \u2013 45", True),
        ("Load -45", False),
        ("Load  -$45", False),
        ("9-4 Load -45", False),
    ],
)
@pytest.mark.parametrize("size", [16, 30])
def test_a_dash_with_room_on_both_sides_parts(text: str, *, is_parting: bool, size: int) -> None:
    """Midway between a label and its number it is no minus, whether or not the recogniser saw the spaces."""
    pixels = draw([At(40, 30, text, size)], 320, 90)
    word, _, number = text.rpartition("Load ")
    places = [40 + round(font(size).getlength(part)) for part in (text[: -len(number)], text)]
    rest = re.sub(r"\s", "", number)
    read = [
        _line(f"{word}Load", Box(38, 26, places[0] - 42 - size // 5, round(1.5 * size))),
        _line(rest.replace("\u2013", "-"), Box(places[0] - 2, 26, places[1] - places[0] + 4, round(1.5 * size))),
    ]
    piece = next(each for each in pieces_of(read) if each.text.startswith("-"))
    assert has_parting_dash(piece, replace(_sight(pixels, ""), lines=tuple(read))) is is_parting


@pytest.mark.parametrize("word", ["running", "open", "medium", "none", "Running", "STOPPED"])
@pytest.mark.parametrize("size", [9, 17])
def test_a_word_is_as_large_as_its_type(word: str, size: int) -> None:
    """Letters in lower case are lower than digits: that makes no word of 17 px small, and none of 9 px large."""
    pixels = draw([At(108, 34, word, size)], 320, 90)
    told = type_size_px(pixels, Box(100, 28, 16 + 5 * size, 12 + size), word)
    assert told < 12 if size == 9 else 12 <= told <= 19


@pytest.mark.parametrize(
    ("before", "is_unread"),
    [("-", True), ("-    ", False), ("r", False), ("t", False), ("(", False), ("|", False)],
)
def test_only_a_bar_of_its_own_is_a_minus(before: str, is_unread: bool) -> None:  # noqa: FBT001 - a table
    """The arm of the letter before a number is none, nor is a dash with a space behind it."""
    pixels = draw([At(60, 30, f"{before}360", 20)], 240, 90)
    left = 60 + round(font(20).getlength(before))
    box = Box(left, 28, 12 * 3, 28)
    piece = next(each for each in pieces_of([_line("360", box)]))
    assert has_unread_minus(piece, _sight(pixels, "")) is is_unread
