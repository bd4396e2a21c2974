"""What one more fault does to its group, by the group's status."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest

from foureyes.errors.group import Group, Status, is_sample, muted, resolved, seen, triaged

BEGAN = datetime(2026, 11, 21, 10, tzinfo=UTC)
LATER = BEGAN + timedelta(hours=1)
MUCH_LATER = BEGAN + timedelta(hours=3)


def _group() -> Group:
    return Group(
        "1-a", "ValueError", "no", "test", "high", "Unknown",
        first_seen=BEGAN, last_seen=BEGAN, first_event="e1", last_event="e1",
    )  # fmt: skip


def test_of_a_storm_the_first_the_tenth_and_so_on_are_samples() -> None:
    """The 1st, 10th, 100th, 1,000th and then every 1,000th event is kept in full."""
    assert [number for number in range(1, 5001) if is_sample(number)] == [1, 10, 100, 1000, 2000, 3000, 4000, 5000]


@pytest.mark.parametrize(
    ("before", "after"),
    [
        (_group(), Status.NEW),
        (triaged(_group()), Status.TRIAGED),
        (resolved(_group(), BEGAN), Status.REGRESSED),
        (resolved(_group(), LATER), Status.RESOLVED),
        (seen(resolved(_group(), BEGAN), 1, LATER), Status.REGRESSED),
        (triaged(seen(resolved(_group(), BEGAN), 1, LATER)), Status.TRIAGED),
        (muted(_group(), until=MUCH_LATER), Status.MUTED),
        (muted(_group(), until=LATER), Status.NEW),
        (muted(_group(), until_count=3), Status.MUTED),
        (muted(_group(), until_count=2), Status.NEW),
    ],
    ids=[
        "new stays new", "triaged stays triaged", "resolved and seen again", "seen before it was resolved",
        "regressed stays regressed", "triaged after it regressed", "muted for longer", "muted until now",
        "muted for more", "muted until so many",
    ],
)  # fmt: skip
def test_one_more_fault_moves_a_group_as_its_status_says(before: Group, after: Status) -> None:
    """Resolved and seen again is regressed; a mute ends at its time or its count; all is counted in any case."""
    group = seen(before, 1, LATER, "e2")
    assert group.status is after
    assert (group.count, group.last_seen, group.last_event) == (before.count + 1, LATER, "e2")
    assert (group.first_seen, group.first_event) == (BEGAN, "e1")


def test_what_only_counts_leaves_the_last_kept_event() -> None:
    """Repeats are counted together, and the event that stands for them stays the same."""
    group = seen(_group(), 500, LATER)
    assert (group.count, group.last_event) == (501, "e1")


def test_r14_a_count_begins_as_a_number() -> None:
    """R14: the first fault of a group counts one, and each further one adds to a number."""
    assert _group().count == 1
    assert seen(_group(), 1, LATER).as_document()["count"] == 2
