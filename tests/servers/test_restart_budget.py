"""How often a server is restarted, and after which pause: a table, on a clock that the test moves."""

from __future__ import annotations

from itertools import pairwise

import pytest
from parts.hand_clock import HandClock

from foureyes.config.settings import Restarts
from foureyes.servers.cerberus import Cerberus
from foureyes.servers.restart_budget import RestartBudget


def failed_at(*times_s: float, chance: float = 0.0, **rules: float) -> RestartBudget:
    """The budget right after failures at these times, each but the last followed by a restart at once."""
    clock = HandClock(0)
    budget = RestartBudget(Restarts(**rules), clock, lambda: chance)
    for at_s in times_s:
        clock.time_s = at_s
        budget.fail()
        if at_s != times_s[-1]:
            budget.restart()
    return budget


@pytest.mark.parametrize(
    ("times_s", "least_s", "most_s"),
    [
        ((0,), 0, 0),
        ((0, 1), 1, 1.2),
        ((0, 1, 2), 2, 2.4),
        ((0, 1, 2, 3), 4, 4.8),
        ((0, 1, 2, 3, 4), 8, 9.6),
        ((0, 1, 2, 3, 4, 5), 595, 595),  # five restarts are in the window, the first one until 600
        ((0, 1, 2, 3, 4, 595), 16, 19.2),
        ((0, 1, 2, 3, 4, 601), 4, 4.8),  # of six failures, four are in the window
        ((0, 600), 0, 0),
        ((0, 599), 1, 1.2),
    ],
)
def test_the_pause_after_each_failure(times_s: tuple[float, ...], least_s: float, most_s: float) -> None:
    """The first restart comes at once, then the pauses double, with jitter that only makes them longer."""
    assert failed_at(*times_s, chance=0).pause_s() == pytest.approx(least_s)
    assert failed_at(*times_s, chance=1).pause_s() == pytest.approx(most_s)


def test_no_pause_is_longer_than_its_cap() -> None:
    """Half a minute until it is degraded, then the cap of the settings, jitter included."""
    many = range(12)
    assert failed_at(*many, chance=1, degraded_after=100, most=100).pause_s() == 30
    assert failed_at(*many, chance=1, most=100, cap_s=40).pause_s() == 40
    assert failed_at(*many, chance=1, most=100).pause_s() == 300


def test_what_costs_nothing_is_not_rationed() -> None:
    """Whether somebody else's server is back is asked as often as the caller says, whatever the budget."""
    assert failed_at(0, 1, 2, 3, 4, 5).pause_s(cap_s=10) == 10


@pytest.mark.parametrize("life_s", [0.0, 1.0, 45.0, 130.0])
def test_never_more_than_five_restarts_in_the_window(life_s: float) -> None:
    """However long each life lasts before it fails, no ten minutes hold a sixth restart; and it never gives up."""
    clock = HandClock(0)
    budget = RestartBudget(Restarts(), clock, lambda: 0.5)
    restarts_s: list[float] = []
    for _ in range(40):
        clock.move(life_s)
        budget.fail()
        clock.move(budget.pause_s())
        budget.restart()
        restarts_s.append(clock.time_s)
    assert all(sixth - first >= 600 for first, sixth in zip(restarts_s, restarts_s[5:], strict=False))
    assert max(later - earlier for earlier, later in pairwise(restarts_s)) <= 600 + life_s


def test_failures_are_forgiven_after_a_stable_time() -> None:
    """A server that was ready for a minute begins with a whole budget; a second less forgives nothing."""
    clock = HandClock(0)
    cerberus = Cerberus(Restarts(), clock)
    for _ in range(4):
        cerberus.budget.fail()
    assert cerberus.budget.is_degraded
    cerberus.stable(59)
    assert cerberus.budget.recent == 4
    cerberus.stable(60)
    assert not cerberus.budget.is_degraded
    cerberus.budget.fail()
    assert cerberus.budget.pause_s() == 0
