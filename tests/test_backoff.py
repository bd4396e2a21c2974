"""Backoff: doubling, bounded, and jitter never makes it shorter."""

import pytest

from foureyes.backoff import backoff_s


@pytest.mark.parametrize(("attempt", "expected_s"), [(1, 2.0), (2, 4.0), (3, 8.0), (10, 30.0), (10_000, 30.0)])
def test_it_doubles_up_to_the_cap(attempt: int, expected_s: float) -> None:
    """Two, four, eight seconds, and never more than the cap."""
    assert backoff_s(attempt, first_s=2, cap_s=30, chance=lambda: 0.0) == expected_s


def test_jitter_only_adds() -> None:
    """The worst jitter adds a fifth; none makes the wait shorter."""
    assert backoff_s(1, first_s=2, cap_s=30, chance=lambda: 1.0) == pytest.approx(2.4)
