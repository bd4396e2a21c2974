"""The token bucket of a task: a few requests at once, so many a second on average, on the monotonic clock."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.hand_clock import HandClock

from foureyes.vision.token_bucket import TokenBucket


def test_a_burst_is_let_through_and_no_more() -> None:
    """A full bucket gives its burst at once, then nothing until time has passed."""
    clock = HandClock()
    bucket = TokenBucket(3.0, 5, clock)
    assert [bucket.take() for _ in range(7)] == [True] * 5 + [False] * 2
    clock.move(0.34)
    assert [bucket.take() for _ in range(2)] == [True, False]


def test_a_long_rest_fills_it_no_higher_than_its_burst() -> None:
    """After a day without a request the burst is as large as ever."""
    clock = HandClock()
    bucket = TokenBucket(3.0, 5, clock)
    clock.move(86_400)
    assert sum(bucket.take() for _ in range(100)) == 5


@given(pauses_s=st.lists(st.floats(0, 2), min_size=1, max_size=200))
def test_over_any_time_the_rate_is_kept(pauses_s: list[float]) -> None:
    """However the requests come, never more are let through than the burst and what the rate gives."""
    clock = HandClock(0.0)
    bucket, taken = TokenBucket(3.0, 5, clock), 0
    for pause_s in pauses_s:
        clock.move(pause_s)
        taken += bucket.take()
        assert taken <= 5 + 3.0 * clock.time_s + 1e-6


def test_r27_a_moved_wall_clock_gives_no_token(monkeypatch: pytest.MonkeyPatch) -> None:
    """R27: a wall clock that jumps by years neither fills nor empties the bucket."""
    clock = HandClock()
    bucket = TokenBucket(1.0, 1, clock)
    assert bucket.take()
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert not bucket.take()
    clock.move(1)
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert bucket.take()
