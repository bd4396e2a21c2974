"""Domain rules and what they settle: ranges, order, steps, and two reads that differ."""

from __future__ import annotations

from typing import Any

import pytest

from foureyes.vision.rules import Rules, is_same
from foureyes.vision.settling import settled

MONEY = {"type": ["string", "null"], "format": "money"}
NUMBER = {"type": ["number", "null"]}


def rules(*order: str, **properties: Any) -> Rules:
    ordered = {"x-order": list(order)} if order else {}
    return Rules.of({"type": "object", "properties": properties, **ordered})


@pytest.mark.parametrize(
    ("values", "broken"),
    [
        ({"grand": "9", "major": "5", "mini": "1"}, set()),
        ({"grand": "5", "major": "5.00", "mini": "5.0"}, set()),
        ({"grand": "9", "major": "10", "mini": "1"}, {"grand", "major"}),
        ({"grand": "9", "major": None, "mini": "10"}, {"grand", "mini"}),
        ({"grand": None, "major": None, "mini": "10"}, set()),
        ({"grand": "9", "major": "1785.42", "mini": "1785.43"}, {"grand", "major", "mini"}),
        ({"grand": "9", "mini": "-1"}, {"mini"}),
        ({"grand": "-5", "major": "1"}, {"grand"}),
    ],
)
def test_a_pair_in_the_wrong_order_is_broken_as_a_whole(values: dict[str, Any], broken: set[str]) -> None:
    """Both neighbours of a wrong pair are named; a value out of its range is named alone."""
    money = {**MONEY, "minimum": 0}
    assert rules("grand", "major", "mini", grand=money, major=money, mini=money).broken(values) == broken


@pytest.mark.parametrize(
    ("step", "before", "after", "plausible"),
    [
        ({}, 1, 1_000_000, True),
        ({"x-max-step": 10}, 100, 110, True),
        ({"x-max-step": 10}, 100, 110.5, False),
        ({"x-max-step": 10}, 100, 89, False),
        ({"x-max-step": 0.01}, "1785.42", "1785.43", True),
        ({"x-max-step": 0.01}, "1785.42", "17854.2", False),
        ({"x-max-step-percent": 50}, 100, 150, True),
        ({"x-max-step-percent": 50}, -100, -151, False),
        ({"x-max-step-percent": 50}, 0, 1, False),
        ({"x-max-step": 10, "x-max-step-percent": 50}, 10, 19, False),
        ({"x-max-step": 10}, 100, None, True),
    ],
)
def test_a_step_is_plausible_within_what_the_schema_says(
    step: dict[str, Any], before: Any, after: Any, *, plausible: bool
) -> None:
    """Absolute and in percent of the earlier value, exactly, up and down; both hold where both are given."""
    kind = MONEY if isinstance(before, str) else NUMBER
    assert rules(a={**kind, **step}).is_step("a", before, after) is plausible


@pytest.mark.parametrize(
    ("one", "other", "same"),
    [
        ("1785.4", "1785.40", True),
        (5, 5.0, True),
        ("5", 5, True),
        ("1785", "17850", False),
        ("Connection  lost", "connection lost", True),
        ("12:00:01", "12:00:10", False),
        (True, 1, False),
        (None, None, True),
        (None, "", False),
        (["a", "B"], ["A", "b"], True),
        (["a"], ["a", "b"], False),
    ],
)
def test_two_readings_are_the_same_by_what_they_say(one: Any, other: Any, *, same: bool) -> None:
    """Numbers by value, texts but for case and spaces, everything else exactly."""
    assert is_same(one, other) is same


@pytest.mark.parametrize(
    ("reads", "last", "step", "value"),
    [
        ((("1,785", 1785), ("1.785", 1.785)), 1785, {}, 1785),
        ((("1,786", 1786), ("1.786", 1.786)), 1785, {}, 1786),
        ((("$17.00", 17), ("517.00", 517)), 16, {}, 17),
        ((("17.85", 17.85), ("17.86", 17.86)), 17.85, {}, None),
        ((("17,850", 17850), ("1,785", 1785)), 1785, {}, None),
        ((("17,850", 17850), ("1,786", 1786)), 1785, {"x-max-step": 10}, 1786),
        ((("1,787", 1787), ("1,786", 1786)), 1785, {"x-max-step": 10}, None),
        ((("17,850", 17850), ("27,850", 27850)), 1785, {"x-max-step": 10}, None),
        ((("1,785", 1785), ("1.785", 1.785)), None, {}, None),
        ((("1,785", 1785), ("none", None)), 1785, {}, None),
        ((("101", 101), ("10.1", 10.1)), 10, {"maximum": 100}, 10.1),
        ((("1,785", 1785),), 1785, {}, None),
    ],
)
def test_two_reads_that_differ_are_settled_only_where_one_cannot_be(
    reads: tuple[tuple[str, Any], ...], last: Any, step: dict[str, Any], value: Any
) -> None:
    """A rule that one breaks, or confused characters beside a last value; never a digit that may have changed."""
    alternatives = [{"text": text, "value": each, "score": 0.99} for text, each in reads]
    assert settled(alternatives, "a", rules(a={**NUMBER, **step}), last) == value
