"""Regions by themselves: room to grow, and nobody else's ground."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from foureyes.picture import Box
from foureyes.vision.suggestion import suggested

WIDTH, HEIGHT = 1280, 720


def _box(region: object) -> Box:
    return region.box(WIDTH, HEIGHT)  # type: ignore[attr-defined]


def test_label_and_value_are_inside_with_room_for_more_digits() -> None:
    """A field's region holds its label and its value, and four more digits on either side."""
    found = suggested({"grand": {"box": [400, 300, 100, 30], "label_box": [300, 300, 80, 30]}}, WIDTH, HEIGHT)
    box = _box(found["grand"])
    assert box.x <= 240
    assert box.right >= 559
    assert box.y <= 286
    assert box.bottom >= 344


def test_neighbours_keep_their_ground() -> None:
    """Of two fields side by side, neither region reaches into the other's label or value."""
    places = {
        "one": {"box": [100, 100, 60, 20], "label_box": [100, 70, 60, 20]},
        "two": {"box": [180, 100, 60, 20], "label_box": [180, 70, 60, 20]},
    }
    found = {name: _box(region) for name, region in suggested(places, WIDTH, HEIGHT).items()}
    for name, other in (("one", "two"), ("two", "one")):
        assert not any(found[name].overlaps(Box(*places[other][key])) for key in ("box", "label_box"))


def test_a_field_that_was_not_seen_gets_none() -> None:
    """Nothing is suggested for a field without a value on the picture."""
    assert suggested({"one": {"label_box": [0, 0, 10, 10]}, "two": {"box": None}}, WIDTH, HEIGHT) == {}


_sides = st.tuples(st.integers(0, WIDTH - 60), st.integers(0, HEIGHT - 40), st.integers(8, 60), st.integers(8, 40))


@given(st.lists(st.tuples(_sides, _sides), min_size=1, max_size=5))
def test_every_region_lies_in_the_picture_and_holds_its_value(places: list[tuple[list[int], list[int]]]) -> None:
    """Wherever labels and values stand, a region is inside the picture and never empty."""
    evidence = {
        str(at): {"box": list(value), "label_box": list(label)} for at, (value, label) in enumerate(places)
    }
    for region in suggested(evidence, WIDTH, HEIGHT).values():
        assert 0 <= region.x < 1
        assert 0 <= region.y < 1
        assert 0 < region.width <= 1 - region.x + 1e-9
        assert 0 < region.height <= 1 - region.y + 1e-9
