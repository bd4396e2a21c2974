"""Labels are compared tolerantly of the OCR's slips, and of nothing that is another name."""

from __future__ import annotations

import pytest

from foureyes.engine.labels import similarity


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("Major", "MAJ0R"),
        ("Balance", "Balanse"),
        ("Last win", "Lastwin"),
        ("Net revenue", "Net revenu"),
        ("Grand total", "Grand totai"),
        ("Zone 10", "Zone 1O"),
    ],
)
def test_a_label_with_a_slip_is_the_label(label: str, text: str) -> None:
    """A character that was taken for another, lost or glued to its neighbour does not hide a label."""
    assert similarity(label, text) > 0


@pytest.mark.parametrize(
    ("label", "text"),
    [
        ("CPU 1", "CPU 2"),
        ("Zone 4", "Zone 3"),
        ("Balance", "Balance 2"),
        ("Min speed", "Max speed"),
        ("Unlocked", "Locked"),
        ("inactive", "active"),
        ("Rate", "Date"),
        ("Wins", "Win"),
    ],
)
def test_another_name_is_no_slip(label: str, text: str) -> None:
    """Other numbers, other short words and lost prefixes make another name, whose value is not this one's."""
    assert similarity(label, text) == 0
