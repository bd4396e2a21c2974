"""The MongoDB writer against a real server: what arrives, how often, in which order, and what stays."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from parts.mongo_writing import MACHINE, fault, writing
from pymongo.database import Database

from foureyes.errors.spool import Repeats, Spool, spool_file

Mongo = Database[dict[str, Any]]


async def test_an_event_arrives_with_its_fields(mongo_uri: str, mongo: Mongo, tmp_path: Path) -> None:
    """An event is one document of ERR0R: its id is the _id, its time a date, its context a sub-document."""
    event = fault(at=datetime(2026, 11, 21, 10, 0, 0, 123000, tzinfo=UTC))
    async with writing(mongo_uri, mongo, tmp_path) as running:
        running.spool.write([event])
        await running.until_sent()
        [document] = running.events.find()
    assert document["_id"] == event.id
    assert document["at"] == event.at
    assert document["type"] == "ValueError"
    assert document["component"] == "task:main/read"
    assert document["machine"] == MACHINE
    assert document["context"] == {"task": "read"}
    assert document["resolved"] is False
    assert document.get("resolved_at") is None


async def test_nothing_is_doubled_by_sending_it_again(mongo_uri: str, mongo: Mongo, tmp_path: Path) -> None:
    """What is sent twice is there once: a spool that lost its acknowledgements sends everything again."""
    events = [fault(number) for number in range(60)]
    for state_dir in (tmp_path / "first", tmp_path / "second"):
        async with writing(mongo_uri, mongo, state_dir, batch=25) as running:
            running.spool.write(events)
            await running.until_sent()
    assert running.messages() == [event.message for event in events]
    assert running.groups.count_documents({f"machines.{_machine()}.count": 1}) == len(events)


async def test_what_an_operator_resolved_stays_resolved(mongo_uri: str, mongo: Mongo, tmp_path: Path) -> None:
    """The flag that was set in MongoDB is not taken back by the same event sent again."""
    event = fault()
    async with writing(mongo_uri, mongo, tmp_path / "first") as running:
        running.spool.write([event])
        await running.until_sent()
    running.events.update_one({"_id": event.id}, {"$set": {"resolved": True}})
    async with writing(mongo_uri, mongo, tmp_path / "second") as running:
        running.spool.write([event])
        await running.until_sent()
    assert [each["resolved"] for each in running.events.find()] == [True]


async def test_what_is_resolved_in_the_spool_is_resolved_in_mongodb(
    mongo_uri: str, mongo: Mongo, tmp_path: Path
) -> None:
    """`foureyes errors resolve` reaches the events that MongoDB has already, and their group."""
    at = datetime(2026, 11, 21, 11, tzinfo=UTC)
    async with writing(mongo_uri, mongo, tmp_path) as running:
        running.spool.write([fault(1, group="g"), fault(2, group="g")])
        await running.until_sent()
        running.spool.resolve("g", at)
        await running.until_sent()
        await running.until(lambda: _group(running.groups, "g")["status"] == "resolved", "the group is resolved")
        documents = list(running.events.find())
    assert [each["resolved"] for each in documents] == [True, True]
    assert {each["resolved_at"] for each in documents} == {at}


async def test_counts_are_absolute_and_each_machine_has_its_own(
    mongo_uri: str, mongo: Mongo, tmp_path: Path
) -> None:
    """A group's count is what the spool counted, however often it is written, beside those of other machines."""
    now = datetime.now(UTC)
    mongo["ERR0R_groups"].insert_one({"_id": "g", "machines": {"other": {"count": 7}}})
    async with writing(mongo_uri, mongo, tmp_path) as running:
        running.spool.write([fault(group="g")])
        await running.until(lambda: "first_seen" in _document(running.groups, "g"), "the group is there")
        for _ in range(3):
            running.spool.write([], [Repeats("g", 10, now)])
        await running.until(lambda: _group(running.groups, "g")["count"] == 31, "the count is there")
    assert _document(running.groups, "g")["machines"]["other"]["count"] == 7


async def test_a_lower_count_never_replaces_a_higher_one(mongo_uri: str, mongo: Mongo, tmp_path: Path) -> None:
    """An old write that comes late changes nothing: counts are written with $max."""
    mongo["ERR0R_groups"].insert_one({"_id": "g", "machines": {_machine(): {"count": 100}}})
    async with writing(mongo_uri, mongo, tmp_path) as running:
        running.spool.write([fault(group="g")])
        await running.until(lambda: "first_seen" in _document(running.groups, "g"), "the group is there")
    assert _group(running.groups, "g")["count"] == 100


async def test_r15_the_old_ones_are_deleted_and_the_new_ones_stay(
    mongo_uri: str, mongo: Mongo, tmp_path: Path
) -> None:
    """R15: retention compares times the right way round."""
    now = datetime.now(UTC)
    ages = {"a month": 30, "just over": 14.01, "just under": 13.99, "new": 0, "from a clock that is ahead": -1}
    mongo["ERR0R"].insert_many({"_id": name, "at": now - timedelta(days=days)} for name, days in ages.items())
    async with writing(mongo_uri, mongo, tmp_path, retention_days=14) as running:
        await running.until(lambda: running.events.count_documents({}) < len(ages), "something is deleted")
    left = {each["_id"] for each in running.events.find()}
    assert left == {"just under", "new", "from a clock that is ahead"}


async def test_indexes_are_made_at_the_start(mongo_uri: str, mongo: Mongo, tmp_path: Path) -> None:
    """Queries by component and time, by resolved, by fingerprint and by time have an index."""
    async with writing(mongo_uri, mongo, tmp_path) as running:
        await running.until_state("ok")
        keys = [index["key"] for index in running.events.index_information().values()]
    first = {key[0][0] for key in keys}
    assert {"component", "resolved", "fingerprint", "at"} <= first


async def test_what_waits_at_the_end_is_written(mongo_uri: str, mongo: Mongo, tmp_path: Path) -> None:
    """The end of the daemon sends what came in last."""
    async with writing(mongo_uri, mongo, tmp_path) as running:
        await running.until_state("ok")
        running.spool.write([fault(number) for number in range(5)])
    assert len(running.messages()) == 5


async def test_a_spool_that_was_set_aside_is_followed_by_the_new_one(
    mongo_uri: str, mongo: Mongo, tmp_path: Path
) -> None:
    """The writer reads the file that is there now, not one that was moved away under it."""
    async with writing(mongo_uri, mongo, tmp_path) as running:
        running.spool.write([fault(1)])
        await running.until_sent()
        for file in spool_file(tmp_path).parent.iterdir():
            file.rename(file.with_name(f"aside-{file.name}"))
        with Spool(spool_file(tmp_path)) as new:
            new.write([fault(2)])
        await running.until(lambda: len(running.messages()) == 2, "the event of the new spool is there")


def _machine() -> str:
    return MACHINE.replace(".", "%2E")


def _document(groups: Any, fingerprint: str) -> dict[str, Any]:
    return dict(groups.find_one({"_id": fingerprint}) or {})


def _group(groups: Any, fingerprint: str) -> dict[str, Any]:
    return dict(_document(groups, fingerprint)["machines"][_machine()])
