"""The spool on disk: versions, damage, bounds, and what MongoDB has not got."""

from __future__ import annotations

import contextlib
import sqlite3
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from foureyes.errors import queries
from foureyes.errors.database import MIGRATIONS, set_aside
from foureyes.errors.event_id import EventIds
from foureyes.errors.fault import FaultEvent
from foureyes.errors.group import Status
from foureyes.errors.room import make_room, remove_old, used_bytes
from foureyes.errors.spool import Repeats, Spool, spool_file
from foureyes.exceptions import SpoolCorruptError, SpoolUnwritableError, SpoolVersionError, UnknownFaultError

NOW = datetime(2026, 11, 21, 10, tzinfo=UTC)
ids = EventIds()


@pytest.fixture
def spool(tmp_path: Path) -> Iterator[Spool]:
    with Spool(spool_file(tmp_path)) as opened:
        yield opened


def fault(fingerprint: str = "1-aaaaaa", **more: Any) -> FaultEvent:
    values: dict[str, Any] = {
        "id": ids.next(), "fingerprint": fingerprint, "type": "ValueError", "message": "no", "stack": (),
        "chain": (), "component": "test", "severity": "high", "bug_class": "Unknown", "machine": "box", "pid": 1,
        "at": NOW,
    }  # fmt: skip
    return FaultEvent(**{**values, **more})


def test_a_written_event_is_there_for_another_process(spool: Spool) -> None:
    """What was written once is read through another connection, as it was."""
    event = fault()
    spool.write([event])
    with Spool(spool.file) as other:
        assert queries.event(other, event.id) == event.as_document()


def test_repeats_only_count(spool: Spool) -> None:
    """The counts of a storm are in its group; its samples alone are events."""
    spool.write([fault()], [Repeats("1-aaaaaa", 500, NOW + timedelta(seconds=9))])
    group = spool.group("1-aaaaaa")
    assert group is not None
    assert (group.count, group.last_seen) == (501, NOW + timedelta(seconds=9))
    assert len(spool.unsent()) == 1


def test_a_spool_of_an_older_version_is_brought_up_to_date(tmp_path: Path) -> None:
    """What an older FourEyes kept is there under today's schema."""
    file = spool_file(tmp_path)
    file.parent.mkdir()
    with contextlib.closing(sqlite3.connect(file)) as old:
        old.executescript(f"{MIGRATIONS[0]} PRAGMA user_version = 1;")
        old.execute("INSERT INTO notes VALUES ('kept', 'by the old one')")
        old.commit()
    with Spool(file) as spool:
        assert spool.note("kept") == "by the old one"
        spool.audit(NOW, "tested", "the new table")


def test_a_spool_of_a_newer_version_is_refused_with_what_to_do(tmp_path: Path) -> None:
    """A newer FourEyes' spool is not touched; the message says which version, and what to do."""
    file = spool_file(tmp_path)
    Spool(file).close()
    with contextlib.closing(sqlite3.connect(file)) as newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 7}")
    before = file.read_bytes()
    with pytest.raises(SpoolVersionError, match=f"version {len(MIGRATIONS) + 7}.*move the file away"):
        Spool(file)
    assert file.read_bytes() == before


def test_two_that_open_a_new_spool_at_once_both_can(tmp_path: Path) -> None:
    """The daemon and a command on one state folder share the spool, and see each other's writes."""
    with Spool(spool_file(tmp_path)) as one, Spool(spool_file(tmp_path)) as other:
        one.write([fault()])
        assert other.resolve("1-aaaaaa", NOW)
        one.write([fault(at=NOW + timedelta(seconds=1))])
        group = other.group("1-aaaaaa")
    assert group is not None
    assert (group.status, group.count) == (Status.REGRESSED, 2)


@pytest.mark.parametrize("damage", [b"no database at all " * 500, b""], ids=["another file", "scribbled over"])
def test_a_damaged_spool_is_known_and_set_aside_whole(tmp_path: Path, damage: bytes) -> None:
    """Damage is found when the spool is opened with a check; set aside, every byte of it is kept."""
    file = spool_file(tmp_path)
    with Spool(file) as spool:
        spool.write([fault(f"1-{number:06d}", message="m" * 1000) for number in range(200)])
    if damage:
        file.write_bytes(damage)
    else:
        with file.open("r+b") as pages:
            pages.seek(8192)
            pages.write(b"\xff" * 40_000)
    before = file.read_bytes()
    with pytest.raises(SpoolCorruptError, match="damaged"):
        Spool(file, check=True)
    kept = set_aside(file)
    assert kept.read_bytes() == before
    with Spool(file, check=True) as anew:
        assert queries.groups(anew) == []


def test_a_folder_that_cannot_be_is_a_plain_sentence(tmp_path: Path) -> None:
    """Where the folder is a file, the error says which place cannot be used, and is worth a retry."""
    (tmp_path / "errors").write_text("in the way")
    with pytest.raises(SpoolUnwritableError, match="cannot be used") as caught:
        Spool(spool_file(tmp_path))
    assert caught.value.retryable


def test_the_outbox_gives_events_in_order_until_they_are_acknowledged(spool: Spool) -> None:
    """Each event is handed out, the oldest first, until it is acknowledged or is a dead letter, which is kept."""
    written = [fault() for _ in range(4)]
    spool.write(written)
    unsent = spool.unsent()
    assert [each.document["id"] for each in unsent] == [event.id for event in written]
    spool.acknowledge([unsent[0].sequence])
    spool.dead_letter(unsent[1].sequence, "too odd", NOW)
    assert [each.document["id"] for each in spool.unsent()] == [event.id for event in written[2:]]
    assert queries.stats(spool)["dead_letters"] == 1
    assert queries.event(spool, written[1].id) is not None


def test_what_changes_while_it_is_sent_is_sent_again(spool: Spool) -> None:
    """An event that is resolved between being handed out and acknowledged stays in the outbox, as it is now."""
    spool.write([fault()])
    sent = spool.unsent()
    spool.resolve("1-aaaaaa", NOW + timedelta(seconds=1))
    spool.acknowledge([each.sequence for each in sent])
    again = spool.unsent()
    assert [each.document["resolved_at"] for each in again] == ["2026-11-21T10:00:01.000Z"]
    assert again[0].document["resolved"]


def test_changed_groups_are_told_once_each_by_revision(spool: Spool) -> None:
    """Who copies groups asks for what changed behind the last revision, and gets each group as it is now."""
    spool.write([fault("1-aaaaaa"), fault("1-bbbbbb")])
    known = max(group.revision for group in spool.groups_changed_since(0))
    assert spool.groups_changed_since(known) == []
    spool.write([], [Repeats("1-aaaaaa", 5, NOW)])
    assert [(group.fingerprint, group.count) for group in spool.groups_changed_since(known)] == [("1-aaaaaa", 6)]


def test_a_full_spool_drops_the_oldest_duplicates_and_never_a_first_event(spool: Spool) -> None:
    """Duplicates go, the oldest first, until there is room; the first event of each group stays."""
    firsts = [fault(f"1-{number:06d}", message="m" * 3000) for number in range(20)]
    duplicates = [fault("1-000000", message="m" * 3000) for _ in range(300)]
    spool.write(firsts + duplicates)
    removed, has_room = make_room(spool, used_bytes(spool) // 2)
    assert has_room
    kept = [event["id"] for event in queries.events_of(spool, "1-000000")]
    assert kept == [event.id for event in (firsts[0], *duplicates[removed:])][::-1]
    assert all(queries.event(spool, event.id) for event in firsts)


def test_a_spool_full_of_first_events_lets_those_go_that_mongodb_has(spool: Spool) -> None:
    """Of first events the oldest that MongoDB has go; where it has none the spool stays full, and says so."""
    spool.write([fault(f"1-{number:06d}", message="m" * 3000) for number in range(300)])
    bound = used_bytes(spool) // 2
    assert make_room(spool, bound) == (0, False)
    unsent = spool.unsent(1000)
    spool.acknowledge([each.sequence for each in unsent[:250]])
    removed, has_room = make_room(spool, bound)
    assert has_room
    assert 0 < removed <= 250
    assert [each.sequence for each in spool.unsent(1000)] == [each.sequence for each in unsent[250:]]
    assert len(queries.groups(spool)) == 300


def test_a_full_spool_refuses_new_groups_and_goes_on_counting_known_ones(spool: Spool) -> None:
    """Without room a fault of a new kind is refused and told, one of a known kind is kept."""
    spool.write([fault("1-aaaaaa")])
    refused = spool.write([fault("1-aaaaaa"), fault("1-bbbbbb")], [Repeats("1-bbbbbb", 4, NOW)], new_groups=False)
    assert refused == 5
    assert [(group.fingerprint, group.count) for group in queries.groups(spool)] == [("1-aaaaaa", 2)]


def test_old_duplicates_go_and_old_first_events_stay(spool: Spool) -> None:
    """By age too a group never loses its first event."""
    spool.write([fault(at=NOW - timedelta(days=20)), fault(at=NOW - timedelta(days=19)), fault(at=NOW)])
    assert remove_old(spool, NOW, keep_days=14) == 1
    assert [event["at"] for event in queries.events_of(spool, "1-aaaaaa")] == [
        "2026-11-21T10:00:00.000Z",
        "2026-11-01T10:00:00.000Z",
    ]


@pytest.mark.parametrize(
    ("wanted", "found"),
    [
        (queries.Filter(kind="MongoDB"), {"1-mongos"}),
        (queries.Filter(kind="keyerror"), {"1-server"}),
        (queries.Filter(component="server"), {"1-server"}),
        (queries.Filter(component="server:studio"), {"1-server"}),
        (queries.Filter(component="serv"), set()),
        (queries.Filter(severity="low"), {"1-mongos"}),
        (queries.Filter(since=NOW + timedelta(hours=1)), {"1-server"}),
        (queries.Filter(until=NOW), {"1-mongos"}),
        (queries.Filter(status="resolved"), {"1-mongos"}),
        (queries.Filter(kind="' OR 1=1 --"), set()),
        (queries.Filter(), {"1-mongos", "1-server"}),
    ],
)  # fmt: skip
def test_groups_are_found_by_time_class_component_severity_and_status(
    spool: Spool, wanted: queries.Filter, found: set[str]
) -> None:
    """Each filter finds its groups and no other; what is asked is data, never a query."""
    later = NOW + timedelta(hours=2)
    spool.write([fault("1-mongos", bug_class="MongoDB", severity="low", component="mongo")])
    spool.write([fault("1-server", type="KeyError", component="server:studio", at=later)])
    spool.resolve("1-mongos", later)
    assert {group.fingerprint for group in queries.groups(spool, wanted)} == found


def test_a_group_is_found_by_its_beginning_or_by_an_event(spool: Spool) -> None:
    """A fingerprint, its beginning and an event's id name a group; what is unknown or could be two is refused."""
    event = fault("1-abcdef")
    spool.write([event, fault("1-abcxyz")])
    for name in ("1-abcdef", "1-abcd", event.id):
        assert queries.find_group(spool, name).fingerprint == "1-abcdef"
    for name, why in (("1-abc", "no fault"), ("1-none", "no fault"), ("%", "no fault")):
        with pytest.raises(UnknownFaultError, match=why):
            queries.find_group(spool, name)
