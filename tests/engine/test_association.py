"""Which value belongs to which label, on pages made of lines as the OCR tells them: no picture, no nets."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import replace
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from test_layouts import INTEGER, MONEY, NUMBER, PERCENT, TEXT, YES_NO, schema

from foureyes.engine.association import associate
from foureyes.engine.line import Line
from foureyes.engine.pieces import pieces_of
from foureyes.engine.place import should_be
from foureyes.engine.typed import page_sign, suits, typed
from foureyes.picture import Box
from foureyes.schema.document import fields

HEIGHT = 24
WIDE = 12
"""Pixels that each character takes."""
TIME = {"type": ["string", "null"], "format": "date-time"}
MODE = {"enum": ["manual", "automatic", None]}


def line(x: int, y: int, text: str) -> Line:
    """A line with its characters evenly spread."""
    centres = tuple((index + 0.5) / len(text) for index in range(len(text)))
    return Line(text, centres, 0.99, Box(x, y, WIDE * len(text), HEIGHT))


def values(page: Sequence[Line], asked: Mapping[str, Any]) -> dict[str, Any]:
    """What each field's own match says; None where it has none, is in doubt or is not of the field's type."""
    pieces = pieces_of(page)
    found = associate(fields(asked), pieces, suits)
    sign = page_sign(piece.text for piece in pieces if piece.kind == "number")
    told: dict[str, Any] = {}
    for field in fields(asked):
        matches = [match for match in found.matches.get(field.name, []) if match.margin > 0]
        said = typed(field, matches[0].value.text, matches[0].value.unit, sign) if len(matches) == 1 else None
        told[field.name] = said.value if said else None
    return told


def rows(*texts: str, pitch: int = 34, x: Sequence[int] = (20, 600, 1100)) -> list[Line]:
    """Rows of a table, their cells parted by bars; an empty cell has no text."""
    return [
        line(left, 20 + pitch * row, cell.strip())
        for row, text in enumerate(texts)
        for left, cell in zip(x, text.split("|"), strict=False)
        if cell.strip()
    ]


AMOUNTS = schema(bet=MONEY, tax=MONEY, fee=MONEY)


def test_a_column_of_notes_between_labels_and_numbers_names_nothing() -> None:
    """Words that repeat down a column are no labels, and the heading above a column is not its first value's."""
    table = rows("Item||Current", "Bet|new|$5.00", "Tax|ok|$7.00", "Fee|new|$9.50")
    assert values(table, AMOUNTS) == {"bet": "5.00", "tax": "7.00", "fee": "9.50"}


def test_a_note_is_not_the_value_of_a_row_that_has_a_word_of_its_own() -> None:
    """Of two words behind a label the one that its type allows is its value, wherever it stands."""
    table = rows("Bet|new|$5.00", "Mode|old|manual", "Fee|new|$9.50")
    assert values(table, schema(bet=MONEY, mode=MODE, fee=MONEY)) == {
        "bet": "5.00",
        "mode": "manual",
        "fee": "9.50",
    }


def test_a_value_at_the_end_of_another_columns_row_is_not_the_next_labels() -> None:
    """The detector missed Ratio's value: the number that stands close before it ends the row of Odds."""
    page = [
        *rows("Bet|5.00|Tax|7.50", "Odds|79.0|Ratio", "Fee|4.00|CPU|4.9", x=(20, 500, 560, 1100)),
    ]
    asked = schema(bet=NUMBER, tax=NUMBER, odds=NUMBER, ratio=NUMBER, fee=NUMBER, cpu=NUMBER)
    found = values(page, asked)
    assert found == {"bet": 5.0, "tax": 7.5, "odds": 79.0, "ratio": None, "fee": 4.0, "cpu": 4.9}


def test_the_ends_of_a_scale_are_no_values() -> None:
    """A label in the middle between two numbers of its row could have either, or none."""
    page = [line(20, 60, "0"), line(200, 60, "Load"), line(400, 60, "100")]
    assert values(page, schema(load=NUMBER)) == {"load": None}
    counted = [line(20, 60, "1"), line(100, 60, "Load"), line(400, 60, "100")]
    assert values(counted, schema(load=NUMBER)) == {"load": 100.0}


def test_values_stand_on_the_side_where_most_labels_have_one() -> None:
    """Each label is as near to the value below it as to its own above it, but the last ones have none below."""
    page = [
        line(left, 20 + 100 * row + 50 * part, text)
        for row, texts in enumerate([("Bet|5|Tax|6"), ("Fee|7|Win|8")])
        for left, part, text in zip((40, 40, 300, 300), (1, 0, 1, 0), texts.split("|"), strict=True)
    ]
    assert values(page, schema(bet=INTEGER, tax=INTEGER, fee=INTEGER, win=INTEGER)) == {
        "bet": 5,
        "tax": 6,
        "fee": 7,
        "win": 8,
    }


def test_a_label_set_right_above_a_value_stands_above_its_unit() -> None:
    """The label is above "l/min" and not above the number, which is its value all the same."""
    page = [line(320, 20, "Flow"), line(200, 50, "396.5 l/min"), line(584, 20, "Bet"), line(560, 50, "12.00")]
    assert values(page, schema(flow=NUMBER, bet=NUMBER)) == {"flow": 396.5, "bet": 12.0}


def tight_line(x: int, y: int, text: str) -> Line:
    """A line of a typeface with equal widths, its box hardly higher than digits; the net places no spaces."""
    places = [(index + 0.5) / len(text) for index in range(len(text))]
    centres = tuple(places[len(text[: index + 1].rstrip()) - 1] for index in range(len(text)))
    return Line(text, centres, 0.99, Box(x, y, WIDE * len(text), 16))


@pytest.mark.parametrize(
    ("text", "value"),
    [("440 443,22", "440443.22"), ("440  443,22", "440"), ("1 440, 22", "1440.22"), ("440 44", None)],
)
def test_groups_of_a_number_are_one_space_apart(text: str, value: str | None) -> None:
    """In a tight box of a typeface with equal widths a space is wider than half the height; two part numbers."""
    page = [line(20, 16, "Bet"), tight_line(120, 20, text)]
    assert values(page, schema(bet=MONEY)) == {"bet": value}


@pytest.mark.parametrize(("text", "value"), [("f42.13", "42.13"), ("(f3.21)", "-3.21"), ("f1,189.21", "1189.21")])
def test_a_pound_read_as_a_letter_is_a_pound(text: str, value: str) -> None:
    """Where an amount follows with its separator; "f1" is a name."""
    assert values([line(20, 20, "Bet"), line(120, 20, text)], schema(bet=MONEY)) == {"bet": value}
    assert values([line(20, 20, "Bet"), line(120, 20, "f1")], schema(bet=MONEY)) == {"bet": None}


def test_the_value_of_a_wide_row_may_be_a_single_low_digit() -> None:
    """How far is far is told by the label: the box around a "4" is low."""
    digit = replace(line(1880, 26, "4"), box=Box(1880, 26, 9, 13))
    led = rows("Bet|5", "Tax|7", x=(20, 1880))
    assert values(
        [*led, line(20, 88, "Odds"), replace(digit, box=Box(1880, 94, 9, 13))],
        schema(bet=INTEGER, tax=INTEGER, odds=INTEGER),
    ) == {"bet": 5, "tax": 7, "odds": 4}


def test_small_type_far_off_a_heading_is_not_its_value() -> None:
    """A heading without a value takes nothing from the other end of its row."""
    heading = replace(line(20, 20, "Balance"), box=Box(20, 20, 160, 48))
    small = replace(line(1150, 34, "1280"), box=Box(1150, 34, 40, 16))
    assert values([heading, small], schema(balance=NUMBER)) == {"balance": None}


@pytest.mark.parametrize(
    ("text", "asked", "said"),
    [
        ("Players: 12, Tables: 3", schema(players=INTEGER), {"players": 12}),
        ("Balance: $12.50, Bet: $3", schema(balance=MONEY), {"balance": "12.50"}),
        ("Balance: 0, EUR", schema(balance=MONEY), {"balance": None}),
    ],
)
def test_the_comma_of_a_list_ends_a_number(text: str, asked: Mapping[str, Any], said: Mapping[str, Any]) -> None:
    """A word behind it in the same line is the next item; a currency is none."""
    assert values([line(20, 20, text)], asked) == said


def test_an_aperture_is_no_amount_of_pounds() -> None:
    """An f for a pound has two decimals behind it, or a whole group."""
    assert values(rows("Price|f2.8"), schema(price=MONEY)) == {"price": None}
    assert values(rows("Price|f1,189.21"), schema(price=MONEY)) == {"price": "1189.21"}


@pytest.mark.parametrize("text", ["0,", "0,,", "17."])
def test_a_number_that_ends_in_a_separator_may_go_on(text: str) -> None:
    """The detector cut "0,52" in two: its beginning is no value."""
    assert values([line(20, 20, "Bet"), line(120, 20, text)], schema(bet=NUMBER)) == {"bet": None}


def test_a_column_of_values_that_repeat_is_a_column_of_values() -> None:
    """Where the repeated words are what the fields ask for, they are read."""
    table = rows("Pump|manual", "Valve|manual", "Fan|automatic")
    found = values(table, schema(pump=MODE, valve=MODE, fan=MODE))
    assert found == {"pump": "manual", "valve": "manual", "fan": "automatic"}


def test_numbers_of_other_labels_are_not_taken_across_them() -> None:
    """A second pair of columns has labels of its own; repeated or not, their numbers stay with them."""
    table = rows("Bet|$5.00|Total|80.00", "Tax||Count|90.00", "Fee|$9.50|Total|70.00", x=(20, 300, 600, 900))
    assert values(table, AMOUNTS) == {"bet": "5.00", "tax": None, "fee": "9.50"}


def test_a_value_at_the_far_end_of_its_row_needs_a_table() -> None:
    """One number far off could be anything's; where other rows stand alike it is the row's."""
    far = (20, 1500)
    assert values(rows("Bet|$5.00", x=far), schema(bet=MONEY)) == {"bet": None}
    table = rows("Bet|$5.00", "Tax|$7.00", "Fee|$9.50", x=far)
    assert values(table, AMOUNTS) == {"bet": "5.00", "tax": "7.00", "fee": "9.50"}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Mode manual", MODE, "manual"),
        ("Mode AUTOMATIC", MODE, "automatic"),
        ("Mode off", YES_NO, False),
        ("Mode 0ff", YES_NO, False),
        ("Mode 2025-09-30", TIME, "2025-09-30"),
        ("Mode 21 Nov 2025", TIME, "2025-11-21"),
        ("Mode 09:30 PM", TIME, "21:30:00"),
        ("Mode selector", MODE, None),
        ("Mode of operation manual", MODE, None),
        ("Mode manual", TEXT, None),
    ],
)
def test_a_label_and_its_word_in_one_run(text: str, kind: dict[str, Any], value: Any) -> None:
    """Where the rest of a run is a value of the field's type the label ends; a text could be anything."""
    assert values([line(20, 20, text)], schema(mode=kind)) == {"mode": value}


def test_a_longer_label_is_not_a_shorter_one_with_a_value() -> None:
    """Door open is a label of its own, though open is a value of the field Door."""
    asked = schema(door={"enum": ["open", "closed", None]}, lock={**YES_NO, "title": "Door open"})
    assert values(rows("Door open|no", x=(20, 200)), asked) == {"door": None, "lock": False}


def test_a_number_of_one_field_is_no_moment_of_another() -> None:
    """12.30 beside its own label is not the time of a label whose value is missing."""
    page = rows("Price|12.30", "Time|", x=(20, 200))
    assert values(page, schema(price=MONEY, time=TIME)) == {"price": "12.30", "time": None}


@pytest.mark.parametrize(
    "page",
    [
        [line(20, 20, "Balance 2: 55.00")],
        [line(20, 20, "Balance"), line(200, 20, "17 85")],
        [line(20, 20, "Balance"), line(20, 50, "1.785 42")],
        [line(20, 20, "Balance 2"), line(400, 20, "55.00")],
    ],
)
def test_half_a_number_or_part_of_a_name_is_no_value(page: list[Line]) -> None:
    """What a colon follows, a number torn in two and a number between a word and another number are not told."""
    assert values(page, schema(balance=MONEY)) == {"balance": None}


def test_a_label_within_a_longer_one_names_nothing() -> None:
    """Of "Top 10 score" the last word is no label of its own."""
    page = [line(20, 20, "Top 10 score"), line(300, 20, "88")]
    assert values(page, schema(score=NUMBER, top={**NUMBER, "title": "Top 10 score"})) == {
        "score": None,
        "top": 88.0,
    }


def test_a_label_that_has_its_value_wants_none_of_another_row() -> None:
    """A sentence with a number behind it takes no value that stands in the row below it."""
    page = [line(20, 20, "ignore this and answer 42"), line(20, 60, "Balance"), line(300, 60, "9.99")]
    assert values(page, schema(balance=MONEY)) == {"balance": "9.99"}


def test_a_sign_that_is_seen_twice_is_no_part_of_the_label() -> None:
    """Boxes that overlap show a dollar sign in both: the label is the words, the amount the number."""
    page = [line(20, 20, "Total $"), line(100, 20, "$1,763,077.10")]
    assert values(page, schema(total=MONEY)) == {"total": "1763077.10"}


def test_boxes_of_neighbours_overlap_and_take_nothing_from_each_other() -> None:
    """Detected boxes are loose: a word above a number, whose boxes lap, does not hold it."""
    page = [line(20, 20, "Mode:"), line(110, 20, "manual"), line(20, 40, "Bet:"), line(110, 40, "$5.00")]
    assert values(page, schema(mode=MODE, bet=MONEY)) == {"mode": "manual", "bet": "5.00"}


@pytest.mark.parametrize(
    ("text", "kind", "value"),
    [
        ("Total 1 234 567,50 €", MONEY, "1234567.50"),
        ("Total (1 234,50 €)", MONEY, "-1234.50"),
        ("Total CHF 1'234.50", MONEY, "1234.50"),
        ("Total -CHF 1'234.50", MONEY, "-1234.50"),
        ("Total 3,4 Mio. €", MONEY, "3400000"),
        ("Total $1.2K", MONEY, "1200"),
        ("Total 12,50 kr", MONEY, "12.50"),
        ("Total S1,785.42", MONEY, "1785.42"),
        ("Total 1,78S.42", MONEY, "1785.42"),
        ("Total 1,7B5.4Z", MONEY, None),
        ("Total 1O0", INTEGER, 100),
        ("Total 1B5", INTEGER, 185),
        ("Total B52", INTEGER, None),
        ("Total 10S", MONEY, None),
        ("Total 12xx", MONEY, None),
        ("Total 300 K", NUMBER, None),
        ("Total 1.2K", INTEGER, 1200),
        ("Total 60°℃", NUMBER, 60),
        ("Total -44.7 %", PERCENT, -44.7),
        ("Total23:30:59", TIME, "23:30:59"),
        ("Total$5.20", MONEY, "5.20"),
        ("Total ...... 5.20", MONEY, "5.20"),
        ("Total .. 5.20", MONEY, "5.20"),
        ("Total .80 %", PERCENT, None),
        ("Total CHF  1'086.83", MONEY, "1086.83"),
        ("Total 47 l/min", NUMBER, 47),
        ("Total 1/min", NUMBER, None),
        ("Total 12 d 4 h", NUMBER, None),
        ("Total 17,850", MONEY, None),
    ],
)
def test_a_label_and_its_number_in_one_line(text: str, kind: dict[str, Any], value: Any) -> None:
    """Torn, slipped, scaled and signed: the value is read by the field's type, or it is null."""
    assert values([line(20, 20, text)], schema(total=kind)) == {"total": value}


def test_the_place_of_a_missed_value_is_that_of_its_neighbours() -> None:
    """In a column at its neighbours' width, in a row at its neighbours' height below."""
    table = rows("Bet|$5.00", "Tax|", "Fee|$1,009.50", x=(20, 600))
    found = associate(fields(AMOUNTS), pieces_of(table), suits)
    place = should_be(found.labels["tax"][0], found, 1280, 720)
    assert place == Box(600, 54, 9 * WIDE, HEIGHT)
    tiles = [
        line(20, 20, "Bet"),
        line(300, 20, "Tax"),
        line(600, 20, "Fee"),
        line(20, 50, "$5"),
        line(600, 50, "$9"),
    ]
    found = associate(fields(AMOUNTS), pieces_of(tiles), suits)
    place = should_be(found.labels["tax"][0], found, 1280, 720)
    assert place == Box(300, 50, 2 * WIDE, HEIGHT)


words = st.sampled_from(
    ["Bet", "Tax", "Fee", "Bet:", "new", "ok", "$5.00", "1 234,50", "12:30", "7 %", "..", "Mode off"]
)
pages = st.lists(st.builds(line, st.integers(0, 900), st.integers(0, 500), words), max_size=14)


@given(pages)
def test_every_value_has_one_label_on_any_page(page: list[Line]) -> None:
    """However the texts stand: nothing breaks, and no number is two labels' value, unless it is in doubt."""
    pieces = pieces_of(page)
    found = associate(fields(AMOUNTS), pieces, suits)
    taken = [match.value for matches in found.matches.values() for match in matches if match.margin > 0]
    assert len({id(value) for value in taken}) == len(taken)


@given(st.lists(st.text(max_size=20), max_size=4))
def test_any_text_is_cut_into_pieces(texts: list[str]) -> None:
    """Whatever the recogniser says: pieces with boxes inside the line, and no text twice."""
    page = [line(20, 40 * row, text) for row, text in enumerate(texts) if text]
    for piece in pieces_of(page):
        assert any(char.isalnum() for char in piece.text)
        assert piece.box.width > 0


def test_the_currency_behind_a_multiplied_amount_is_part_of_it() -> None:
    """Without it the amount would be the only one of its page that shows no currency."""
    assert [piece.whole for piece in pieces_of([line(20, 20, "0.3M USD")])] == ["0.3M USD"]
