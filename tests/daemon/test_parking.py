"""Which models each level of pressure does without."""

from __future__ import annotations

from collections.abc import Iterable, Mapping

from foureyes.daemon.parking import Served, Stock, parked
from foureyes.telemetry.pressure import Level
from foureyes.vision.plan import Candidate

BIG = Candidate("big", "studio", "maker/big")
MIDDLE = Candidate("middle", "other", "maker/middle")
SMALL = Candidate("small", "studio", "maker/small")
ENGINE = Candidate("read", "engine", "ocr", is_engine=True)
SIZES = {("studio", "maker/big"): 8_000, ("other", "maker/middle"): 4_000, ("studio", "maker/small"): 2_000}


def served(*candidates: Candidate) -> frozenset[Served]:
    return frozenset((candidate.server, candidate.model_id) for candidate in candidates)


def stock(
    usable: Iterable[Candidate] = (BIG, MIDDLE, SMALL, ENGINE), sizes: Mapping[Served, int] | None = None
) -> Stock:
    return Stock(served(*usable), SIZES if sizes is None else sizes)


def test_nothing_is_parked_before_the_second_level() -> None:
    """A normal machine and a lower cadence do without no model."""
    for level in (Level.NORMAL, Level.LOWER_CADENCE):
        assert not parked(level, [[BIG, SMALL, ENGINE]], stock())


def test_the_second_level_keeps_each_tasks_smallest_and_its_engine() -> None:
    """By size, wherever in the order of preference the smallest one stands."""
    assert parked(Level.SMALLER_MODEL, [[SMALL, BIG, MIDDLE, ENGINE]], stock()) == served(BIG, MIDDLE)


def test_where_a_size_is_unknown_the_later_candidate_is_kept() -> None:
    """Sizes that are not all known say nothing: the last one is the lesser choice."""
    partly = {("studio", "maker/big"): 1}
    assert parked(Level.SMALLER_MODEL, [[BIG, MIDDLE, SMALL]], stock(sizes=partly)) == served(BIG, MIDDLE)
    equal = dict.fromkeys(SIZES, 5)
    assert parked(Level.SMALLER_MODEL, [[BIG, MIDDLE]], stock(sizes=equal)) == served(BIG)


def test_the_third_level_keeps_the_engine_alone() -> None:
    """All that is not an engine's is parked where an engine can answer."""
    assert parked(Level.ENGINE, [[BIG, SMALL, ENGINE]], stock()) == served(BIG, SMALL)


def test_a_model_that_another_task_needs_is_kept() -> None:
    """A model is parked only when no task keeps it."""
    tasks = [[BIG, SMALL, ENGINE], [BIG]]
    assert parked(Level.SMALLER_MODEL, tasks, stock()) == frozenset()
    assert parked(Level.ENGINE, tasks, stock()) == served(SMALL)


def test_a_task_without_an_engine_keeps_its_smallest_to_the_end() -> None:
    """The last level leaves it one model."""
    assert parked(Level.ENGINE, [[BIG, MIDDLE]], stock()) == served(BIG)


def test_the_last_one_that_can_answer_is_never_parked() -> None:
    """Where the small one's server and the engine are away, the big one stays."""
    assert parked(Level.SMALLER_MODEL, [[BIG, MIDDLE, ENGINE]], stock([BIG])) == frozenset()
    assert parked(Level.ENGINE, [[BIG, SMALL, ENGINE]], stock([BIG, SMALL])) == served(BIG)


def test_while_nothing_can_answer_one_is_kept_to_come_back() -> None:
    """At a start under pressure a task still has a model to wait for."""
    assert parked(Level.ENGINE, [[BIG, SMALL]], stock([])) == served(BIG)


def test_second_readers_go_first_unless_a_task_reads_with_them() -> None:
    """What only confirms is parked with the first model that goes, whatever its size; an engine never is."""
    seconds = [MIDDLE, SMALL, ENGINE]
    assert not parked(Level.LOWER_CADENCE, [[BIG]], stock(), seconds)
    assert parked(Level.SMALLER_MODEL, [[BIG]], stock(), seconds) == served(MIDDLE, SMALL)
    assert parked(Level.SMALLER_MODEL, [[BIG, SMALL]], stock(), seconds) == served(BIG, MIDDLE)
