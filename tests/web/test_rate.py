"""The sliding windows by a clock that the test moves."""

from __future__ import annotations

import random

import pytest
from parts.hand_clock import HandClock

from foureyes.config.web import Rate
from foureyes.telemetry.log import also_told
from foureyes.web.rate import Rates, SlidingWindow
from foureyes.web.refusal import Refusals

MINUTE_S, SLOT_S = 60.0, 1.0


@pytest.mark.parametrize(
    ("hits_at_s", "asked_at_s", "wait_s"),
    [
        ([], 0.0, 0),
        ([0.0, 1.0], 2.0, 0),
        ([0.0, 1.0, 2.0], 2.0, 59),
        ([0.0, 1.0, 2.0], 59.9, 1.1),
        ([0.0, 1.0, 2.0], 61.1, 0),
        ([0.0, 59.0, 59.9], 61.1, 0),  # one place is free, not all three, as a window that jumps would have it
        ([0.0, 59.0, 59.9, 61.1], 62.0, 58),
        ([59.0, 59.5, 59.9], 60.1, 59.9),  # a new minute of the clock forgives nothing
        ([0.0, 0.0, 0.0], 7200.0, 0),
    ],
)
def test_r17_a_window_slides(hits_at_s: list[float], asked_at_s: float, wait_s: float) -> None:
    """R17: of three places in a minute each is free again when its own hit is a minute old, and not before."""
    window = SlidingWindow(3, MINUTE_S)
    for at_s in hits_at_s:
        assert window.wait_s(at_s) == 0, "the table asks for what is allowed"
        window.hit(at_s)
    assert window.wait_s(asked_at_s) == pytest.approx(wait_s)


def test_no_span_has_one_hit_too_many_and_the_wait_is_true() -> None:
    """Never more than allowed in any minute, and after the wait that was told there is a place."""
    chance = random.Random(7)  # noqa: S311 - no secret, and the same every time
    window, taken, now_s = SlidingWindow(5, MINUTE_S), [0.0], 0.0
    window.hit(0.0)
    for _ in range(2000):
        now_s += chance.expovariate(1 / 5)
        if (wait_s := window.wait_s(now_s)) > 0:
            assert wait_s <= MINUTE_S + SLOT_S
            now_s += wait_s + 1e-6
            assert window.wait_s(now_s) == 0
        window.hit(now_s)
        taken.append(now_s)
    assert all(later - earlier > MINUTE_S for earlier, later in zip(taken, taken[5:], strict=False))


def test_the_hour_holds_where_each_minute_does() -> None:
    """Sixty a minute for an hour are more than a thousand an hour: the seventeenth minute is cut short."""
    clock = HandClock()
    rates, rate, allowed = Rates(clock), Rate(per_minute=60, per_hour=1000), 0
    for _ in range(3000):
        allowed += rates.take("client", rate) == 0
        clock.move(1.02)
    assert allowed == 1000


def test_clients_are_bounded_and_each_has_its_own_windows() -> None:
    """One that asks too often hinders nobody else; of very many clients the oldest is forgotten."""
    clock = HandClock()
    rates, rate = Rates(clock), Rate(per_minute=1, per_hour=10)
    assert rates.take("one", rate) == 0
    assert rates.take("one", rate) > 0
    assert rates.take("two", rate) == 0
    for number in range(5000):
        rates.take(number, rate)
    assert rates.take("one", rate) == 0


def test_a_refusal_is_logged_once_a_minute_for_each_client() -> None:
    """A flood of refused requests leaves one line a minute and client, not one each: the log keeps the rest."""
    clock, said = HandClock(), list[str]()
    refusals = Refusals(clock)
    with also_told(said.append):
        for at_s in range(90):
            for client in ("one", "two"):
                refusals.say("rate_limited", client, f"{client} asked at {at_s}")
            clock.move(1)
    assert [line.strip() for line in said] == [
        f"{name} asked at {at_s}" for at_s in (0, 60) for name in ("one", "two")
    ]
