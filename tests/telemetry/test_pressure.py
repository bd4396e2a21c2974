"""The pressure's state machine, edge by edge, on a clock that the test moves."""

from __future__ import annotations

import pytest
from parts.hand_clock import HandClock

from foureyes.config.settings import Resources
from foureyes.telemetry.pressure import Level, Pressure, Sample

WELL = Sample(available_mb=4000, cpu_percent=30, others_percent=5)
SHORT = Sample(available_mb=300, cpu_percent=30, others_percent=5)
DWELL_S = 30.0
EVERY_S = 5.0


class Judged:
    """A pressure with the usual settings: below 500 MB, above 90 %, 30 s between two steps."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.pressure = Pressure(Resources(), self.clock)

    def see(self, sample: Sample, for_s: float = EVERY_S, **needs: float) -> Level:
        """Sample every 5 s for a while."""
        for _ in range(round(for_s / EVERY_S)):
            self.clock.move(EVERY_S)
            self.pressure.observe(sample, **needs)
        return self.pressure.level


@pytest.fixture
def judged() -> Judged:
    fresh = Judged()
    fresh.see(WELL)
    return fresh


def memory(available_mb: float) -> Sample:
    return Sample(available_mb, 30, 5)


def processors(cpu_percent: float, others_percent: float) -> Sample:
    return Sample(4000, cpu_percent, others_percent)


def test_little_memory_steps_back_one_level_after_the_other(judged: Judged) -> None:
    """Cadence, smaller model, engine: one step each 30 s while it lasts, and no step beyond the last."""
    judged.pressure = Pressure(Resources(), judged.clock)
    levels = [judged.see(SHORT) for _ in range(30)]
    assert levels[:7] == [Level.LOWER_CADENCE] * 6 + [Level.SMALLER_MODEL]
    assert levels[12] is Level.ENGINE
    assert levels[-1] is Level.ENGINE
    assert judged.pressure.reason == "300 MB of memory are available"


def test_all_levels_are_taken_back_one_by_one(judged: Judged) -> None:
    """When memory is there again the way back is as slow, in the opposite order."""
    judged.see(SHORT, 300)
    levels = [judged.see(WELL) for _ in range(40)]
    assert [level for level, before in zip(levels, [Level.ENGINE, *levels], strict=False) if level != before] == [
        Level.SMALLER_MODEL,
        Level.LOWER_CADENCE,
        Level.NORMAL,
    ]
    first, second, third = (levels.index(level) for level in (2, 1, 0))
    assert (second - first) * EVERY_S == (third - second) * EVERY_S == DWELL_S
    assert judged.pressure.reason is None


def test_a_short_peak_moves_nothing(judged: Judged) -> None:
    """One bad sample among good ones is smoothed away."""
    assert judged.see(memory(100)) is Level.NORMAL
    assert judged.see(WELL, 60) is Level.NORMAL


@pytest.mark.parametrize(("available_mb", "level"), [(501, Level.NORMAL), (499, Level.LOWER_CADENCE)])
def test_memory_is_short_below_its_threshold(available_mb: float, level: Level) -> None:
    """501 MB are enough, 499 are not."""
    assert Judged().see(memory(available_mb)) is level


@pytest.mark.parametrize(("available_mb", "level"), [(690, Level.ENGINE), (710, Level.NORMAL)])
def test_memory_is_enough_again_only_well_above_it(judged: Judged, available_mb: float, level: Level) -> None:
    """Between 500 and 700 MB nothing is taken back."""
    judged.see(SHORT, 300)
    assert judged.see(memory(available_mb), 600) is level


def test_what_would_be_loaded_again_must_fit(judged: Judged) -> None:
    """With 4,000 MB available a model of 3,500 MB is not loaded again, one of 3,000 MB is."""
    judged.see(SHORT, 300)
    assert judged.see(WELL, 600, return_needs_mb=3500) is Level.ENGINE
    assert judged.see(WELL, 60, return_needs_mb=3000) < Level.ENGINE


@pytest.mark.parametrize(
    ("sample", "level"),
    [
        (processors(100, 5), Level.NORMAL),
        (processors(100, 24), Level.NORMAL),
        (processors(89, 60), Level.NORMAL),
        (processors(91, 26), Level.ENGINE),
    ],
)
def test_processors_are_short_only_where_others_want_them(judged: Judged, sample: Sample, level: Level) -> None:
    """Our own inference may use everything; only busy processors of which others use a good part are pressure."""
    assert judged.see(sample, 300) is level


def test_a_busy_start_is_no_pressure() -> None:
    """While models load and the machine is full for a quarter of a minute, nothing is taken back."""
    fresh = Judged()
    assert fresh.see(processors(100, 80), 15) is Level.NORMAL
    assert fresh.see(WELL, 60) is Level.NORMAL


@pytest.mark.parametrize(
    ("sample", "level"),
    [
        (processors(85, 60), Level.ENGINE),
        (processors(95, 20), Level.ENGINE),
        (processors(78, 60), Level.NORMAL),
        (processors(95, 14), Level.NORMAL),
    ],
)
def test_processors_are_free_again_only_well_below(judged: Judged, sample: Sample, level: Level) -> None:
    """Under 80 %, or with others under 15 %, they are free again; between the thresholds they are not."""
    judged.see(processors(100, 60), 300)
    assert judged.see(sample, 600) is level


def test_both_shortages_are_said(judged: Judged) -> None:
    """Health can tell everything that is short."""
    judged.see(Sample(300, 97, 62), 300)
    reason = judged.pressure.reason
    assert reason == ("300 MB of memory are available and the processors are 97 % busy, 62 % with other programs")


def test_the_way_back_waits_for_a_machine_that_is_well(judged: Judged) -> None:
    """After a long time under pressure the first step back still comes no sooner than 30 s after it ended."""
    judged.see(SHORT, 300)
    calm_s = 0.0
    while judged.pressure.reason is not None:
        judged.see(WELL)
    while judged.pressure.level is Level.ENGINE:
        judged.see(WELL)
        calm_s += EVERY_S
    assert calm_s == DWELL_S


def test_flapping_figures_do_not_flap_the_level(judged: Judged) -> None:
    """Figures that jump around the threshold for an hour lead to the last level, and never back and forth."""
    levels = [judged.see(memory(300 if number % 2 else 650)) for number in range(720)]
    assert levels == sorted(levels)
    assert levels[-1] is Level.ENGINE


def test_r27_a_moved_wall_clock_makes_no_step(judged: Judged, monkeypatch: pytest.MonkeyPatch) -> None:
    """R27: dwell times pass on the monotonic clock alone."""
    judged.see(SHORT, 20)
    before = judged.pressure.level
    monkeypatch.setattr("time.time", lambda: 4e9)
    judged.pressure.observe(SHORT)
    assert judged.pressure.level is before
