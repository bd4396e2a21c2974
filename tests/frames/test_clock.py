"""The clock keeps absolute deadlines, whatever its user does meanwhile."""

from collections.abc import Callable

import pytest
from parts.hand_clock import HandClock

from foureyes.frames.clock import Clock, Tick


async def ticks_of(fps: float, work_s: list[float]) -> tuple[list[Tick], list[float]]:
    """Tick once for each entry of `work_s`, which is the time that the user then takes; return ticks and times."""
    time = HandClock(start_s=1000.0)
    ticks, at_s = [], []
    async for tick in Clock(fps, now=time, sleep=time.sleep).ticks():
        ticks.append(tick)
        at_s.append(time() - 1000.0)
        if len(ticks) == len(work_s):
            break
        time.move(work_s[len(ticks) - 1])
    return ticks, at_s


async def test_deadlines_are_absolute() -> None:
    """The time that work takes is never added to the period: 3 FPS stay 3 FPS."""
    _, at_s = await ticks_of(3, [0.1, 0.2, 0.05, 0.3, 0.0] * 60)
    assert at_s == pytest.approx([index / 3 for index in range(300)], abs=1e-6)


async def test_first_tick_at_once() -> None:
    """The first look does not wait for a period."""
    ticks, at_s = await ticks_of(0.1, [0])
    assert (at_s, ticks) == ([0.0], [Tick(0, 0.0, 0)])


async def test_lateness_is_told() -> None:
    """A tick that begins late, but before the next deadline, says by how much and is not missed."""
    ticks, _ = await ticks_of(2, [0.6, 0])
    assert ticks[1].missed == 0
    assert ticks[1].lateness_s == pytest.approx(0.1)


async def test_missed_ticks_are_counted_and_never_made_up_for() -> None:
    """After 1.7 s of work at 2 FPS two deadlines are gone: counted once, and the next tick is on the old grid."""
    ticks, at_s = await ticks_of(2, [1.7, 0, 0])
    assert [tick.missed for tick in ticks] == [0, 2, 0]
    assert [tick.index for tick in ticks] == [0, 3, 4]
    assert at_s == pytest.approx([0.0, 1.7, 2.0])
    assert ticks[1].lateness_s == pytest.approx(0.2)


async def test_indexes_account_for_every_deadline() -> None:
    """Ticks and missed ticks together are the deadlines that have passed, however uneven the work was."""
    ticks, _ = await ticks_of(30, [0.01, 0.4, 0.02, 0.09, 2.5, 0.0, 0.033, 0.034] * 20)
    assert ticks[-1].index + 1 == len(ticks) + sum(tick.missed for tick in ticks)


@pytest.mark.parametrize("early", [lambda s: s * 0.9, lambda s: s / 2])
async def test_a_sleep_that_ends_early_does_not_tick_early(early: Callable[[float], float]) -> None:
    """A tick never comes before its deadline, even where sleeping is not exact."""
    time = HandClock()

    async def short_sleep(for_s: float) -> None:
        await time.sleep(max(1e-6, early(for_s)))

    ticks = Clock(3, now=time, sleep=short_sleep).ticks()
    for index in range(20):
        tick = await anext(ticks)
        assert tick.index == index
        assert time() >= 1000.0 + index / 3
        assert tick.lateness_s >= 0
