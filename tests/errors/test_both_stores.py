"""One suite for both stores: what is recorded can be read back, from the spool alone and from MongoDB."""

from __future__ import annotations

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, NoReturn

import pytest
from parts.mongo_writing import MACHINE, writing
from parts.program import POLL_S
from pymongo.database import Database

from foureyes.config.settings import Errors
from foureyes.errors.fault import MAX_DOCUMENT_BYTES
from foureyes.errors.queries import groups
from foureyes.errors.recorder import FaultRecorder
from foureyes.errors.spool import Spool, document_of, spool_file

Document = dict[str, Any]


class SpoolReader:
    """Reads the spool back: there is no MongoDB."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def events(self) -> list[Document]:
        with self._spool.reading() as connection:
            rows = connection.execute("SELECT document, resolved_at FROM events ORDER BY id").fetchall()
        return [document_of(row) for row in rows]

    def groups(self) -> list[tuple[int, str]]:
        return [(group.count, str(group.status)) for group in groups(self._spool)]


class MongoReader:
    """Reads MongoDB back."""

    def __init__(self, mongo: Database[Document]) -> None:
        self._mongo = mongo

    def events(self) -> list[Document]:
        return [{"id": each.pop("_id"), **each} for each in self._mongo["ERR0R"].find(sort=[("_id", 1)])]

    def groups(self) -> list[tuple[int, str]]:
        machine = MACHINE.replace(".", "%2E")
        known = [each["machines"][machine] for each in self._mongo["ERR0R_groups"].find(sort=[("last_seen", -1)])]
        return [(each["count"], each["status"]) for each in known]


class Log:
    """The recorder, and what of it can be read back from where it was kept."""

    def __init__(self, state_dir: Path, spool: Spool, reader: SpoolReader | MongoReader) -> None:
        self._state_dir = state_dir
        self.spool, self.reader = spool, reader
        self.recorder = self._started()

    def _started(self) -> FaultRecorder:
        recorder = FaultRecorder(self._state_dir, Errors(), dropped=lambda _where, _reason: None)
        recorder.start()
        return recorder

    def restart(self) -> None:
        """As a daemon does that ends and begins again."""
        self.recorder.close()
        self.recorder = self._started()

    def record(self, error: Exception, component: str = "test", **context: Any) -> str:
        """Raise an exception, so that it has a stack, and record it; the id of the event that stands for it."""
        try:
            _fail(error)
        except Exception as raised:  # noqa: BLE001 - any exception is a fault to be kept
            return self.recorder.record(raised, component, **context)

    async def events(self, count: int) -> list[Document]:
        """All events, once there are so many."""
        return await self._once(self.reader.events, lambda found: len(found) >= count)

    async def groups(self, *wanted: tuple[int, str]) -> list[tuple[int, str]]:
        """Count and status of every group, once they are as wanted."""
        return await self._once(self.reader.groups, lambda found: found == list(wanted))

    @staticmethod
    async def _once(read: Callable[[], list[Any]], is_there: Callable[[list[Any]], bool]) -> list[Any]:
        deadline_s = time.monotonic() + 20
        while not is_there(found := await asyncio.to_thread(read)):
            assert time.monotonic() < deadline_s, f"waited in vain; found {found}"
            await asyncio.sleep(POLL_S)
        return found


def _fail(error: Exception) -> NoReturn:
    raise error


@pytest.fixture(params=["spool alone", "spool and MongoDB"])
def place(request: pytest.FixtureRequest) -> Iterator[str]:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture
async def log(place: str, request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Log]:
    if place == "spool alone":
        with Spool(spool_file(tmp_path)) as spool:
            kept = Log(tmp_path, spool, SpoolReader(spool))
            yield kept
            kept.recorder.close()
        return
    uri, mongo = request.getfixturevalue("mongo_uri"), request.getfixturevalue("mongo")
    async with writing(uri, mongo, tmp_path) as running:
        kept = Log(tmp_path, running.spool, MongoReader(mongo))
        yield kept
        kept.recorder.close()


async def test_an_exception_is_kept_with_all_that_tells_of_it(log: Log) -> None:
    """Type, message, cause, stack, component, severity, class, context, machine, process and time."""
    error = ValueError("the answer is no number")
    error.__cause__ = KeyError("grand")
    name = log.record(error, "task:main/read", task="read", frame={"id": 7, "digest": "abc"})
    [event] = await log.events(1)
    assert event["id"] == name
    assert (event["type"], event["message"]) == ("ValueError", "the answer is no number")
    assert [link["type"] for link in event["chain"]] == ["KeyError"]
    assert event["stack"][-1]["function"] == "_fail"
    assert (event["component"], event["severity"], event["bug_class"]) == ("task:main/read", "high", "Unknown")
    assert event["context"]["frame"] == {"id": 7, "digest": "abc"}
    assert event["machine"]
    assert event["pid"] > 0
    assert (event["resolved"], event.get("resolved_at")) == (False, None)


async def test_one_exception_is_one_event_whoever_records_it(log: Log) -> None:
    """An exception that passes several handlers on its way up is recorded once."""
    error = ValueError("once")
    assert log.record(error, "inner") == log.record(error, "outer")
    log.record(ValueError("the one behind it"), "test")
    events = await log.events(2)
    assert [event["message"] for event in events] == ["once", "the one behind it"]


async def test_a_storm_is_one_group_with_samples_and_the_right_count(log: Log) -> None:
    """Of 120 alike faults the 1st, 10th and 100th are kept in full, and all are counted."""
    for number in range(120):
        log.record(ValueError(f"reading {number} failed"))
    await log.groups((120, "new"))
    events = await log.events(3)
    assert [event["occurrence"] for event in events] == [1, 10, 100]


async def test_faults_keep_their_order(log: Log) -> None:
    """What arose first is read back first."""
    kinds = [ValueError, KeyError, TypeError, IndexError, OSError, RuntimeError]
    names = [log.record(kind(f"of {kind.__name__}"), kind.__name__) for kind in kinds]
    assert [event["id"] for event in await log.events(len(kinds))] == names


async def test_resolved_and_seen_again_is_regressed(log: Log) -> None:
    """A group that is called resolved is so with its events; the next one like it says that it was not."""
    log.record(ValueError("again"))
    await log.groups((1, "new"))
    [group] = groups(log.spool)
    log.spool.resolve(group.fingerprint, datetime.now(UTC))
    await log.groups((1, "resolved"))
    [event] = await log.events(1)
    assert event["resolved"]
    assert event["resolved_at"] is not None
    log.record(ValueError("again"))
    await log.groups((2, "regressed"))


async def test_secrets_are_kept_nowhere(log: Log) -> None:
    """A password in a message, in the context or in a url is not written, and what is near it is."""
    log.record(
        ValueError("login with password=hunter2-hunter2 failed for the author"),
        api_key="sk-12345678901234567890",
        url="http://eye:hunter2-hunter2@host/",
        author="nobody",
    )
    [event] = await log.events(1)
    text = json.dumps(event, default=str)
    assert "hunter2" not in text
    assert "sk-1234" not in text
    assert event["context"]["author"] == "nobody"


@pytest.mark.parametrize(
    "message", ["x" * 10_000_000, "\ud800 alone", "a NUL \0 here", "", "🙂" * 100_000], ids=lambda text: text[:8]
)
async def test_any_message_is_kept_within_bounds(log: Log, message: str) -> None:
    """Endless messages, surrogates and NUL: kept, at most 32 KiB, and marked where something was cut."""
    log.record(ValueError(message), values=[message] * 50)
    [event] = await log.events(1)
    assert event["type"] == "ValueError"
    assert len(json.dumps(event, default=str, ensure_ascii=False).encode()) <= MAX_DOCUMENT_BYTES
    assert len(message) < 1000 or "[truncated]" in json.dumps(event, default=str)


async def test_the_log_goes_on_after_a_restart(log: Log) -> None:
    """What was there before is there once, and what comes after stands behind it."""
    log.record(ValueError("before"), "first")
    log.restart()
    log.record(KeyError("after"), "second")
    events = await log.events(2)
    assert [event["component"] for event in events] == ["first", "second"]
    await log.groups((1, "new"), (1, "new"))
