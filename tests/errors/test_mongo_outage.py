"""MongoDB away, lost, killed, cut off, stepping down, refusing: nothing lost, nothing doubled, order kept."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from parts.mongo_server import MongoServer
from parts.mongo_writing import Writing, fault, writing
from parts.proxied_mongo import ProxiedMongo
from pymongo import MongoClient
from pymongo.database import Database

from foureyes.config.mongo import Mongo as MongoSettings
from foureyes.errors.mongo_store import MongoStore
from foureyes.errors.queries import outstanding
from foureyes.exceptions import ConfigError, MongoLostError, MongoRefusedError

Mongo = Database[dict[str, Any]]


@pytest.fixture
def proxy(mongo_uri: str, tmp_path: Path) -> Iterator[ProxiedMongo]:
    with ProxiedMongo(tmp_path, mongo_uri) as running:
        yield running


def _faults(count: int) -> list[Any]:
    """So many faults of three groups, told apart by their message."""
    return [fault(number, group=f"group-{number % 3}") for number in range(count)]


async def _all_there(running: Writing, events: list[Any]) -> None:
    """All are there, each once, those of a group in the order in which they arose."""
    await running.until_sent()
    assert running.messages() == [event.message for event in events]


async def test_r31_away_at_the_start_and_then_there(proxy: ProxiedMongo, mongo: Mongo, tmp_path: Path) -> None:
    """R31: MongoDB away, faults in the spool, then MongoDB back: all are there, without a double or a gap."""
    proxy.behave(refuse=True)
    events = _faults(150)
    async with writing(proxy.uri, mongo, tmp_path) as running:
        running.spool.write(events)
        await running.until_state("away")
        assert running.messages() == []
        assert running.writer.component()["backlog"] == len(events)
        proxy.behave()
        await _all_there(running, events)
        await running.until_state("ok")
    assert [type(error) for error in running.reported] == [MongoLostError]


async def test_the_loss_is_reported_once_and_so_is_the_next_one(
    proxy: ProxiedMongo, mongo: Mongo, tmp_path: Path
) -> None:
    """Losing MongoDB is one fault, however many attempts fail; losing it again after a recovery is another."""
    async with writing(proxy.uri, mongo, tmp_path) as running:
        await running.until_state("ok")
        for times in (1, 2):
            attempts = proxy.commands("insert")
            proxy.behave(not_primary=1000)
            running.spool.write([fault(times)])
            await running.until(lambda before=attempts: proxy.commands("insert") > before + 1, "attempts failed")
            assert [type(error) for error in running.reported] == [MongoLostError] * times
            proxy.behave()
            await running.until_state("ok")


@pytest.mark.parametrize("cut", ["request", "reply"])
async def test_a_connection_cut_in_the_middle_of_a_batch(
    proxy: ProxiedMongo, mongo: Mongo, tmp_path: Path, cut: str
) -> None:
    """Half a batch sent, or written and not acknowledged: it is sent again, and each event is there once."""
    proxy.behave(cut=cut, cuts=2)
    events = _faults(50)
    async with writing(proxy.uri, mongo, tmp_path, batch=20) as running:
        running.spool.write(events)
        await _all_there(running, events)
        await running.until(lambda: running.groups.count_documents({}) == 3, "the groups are there")
        counts = [next(iter(each["machines"].values()))["count"] for each in running.groups.find()]
    assert sum(counts) == len(events)


async def test_a_primary_that_steps_down(proxy: ProxiedMongo, mongo: Mongo, tmp_path: Path) -> None:
    """NotWritablePrimary is no refusal: what was to be written is written to the next primary."""
    proxy.behave(not_primary=2)
    events = _faults(50)
    async with writing(proxy.uri, mongo, tmp_path, batch=20) as running:
        running.spool.write(events)
        await _all_there(running, events)
        assert outstanding(running.spool) == (0, 0)


async def test_a_hung_mongodb(proxy: ProxiedMongo, mongo: Mongo, tmp_path: Path) -> None:
    """A MongoDB that takes the connection and answers nothing is away, and the daemon's loop goes on."""
    async with writing(proxy.uri, mongo, tmp_path) as running:
        await running.until_state("ok")
        proxy.behave(hang=True)
        events = _faults(20)
        running.spool.write(events)
        await running.until_state("away")
        proxy.behave()
        await _all_there(running, events)


async def test_what_did_not_go_through_at_once_is_sent_in_smaller_parts(
    proxy: ProxiedMongo, mongo: Mongo, tmp_path: Path
) -> None:
    """A MongoDB that is too slow for as many as are sent at once would never take them else."""
    async with writing(proxy.uri, mongo, tmp_path, batch=16) as running:
        await running.until_state("ok")
        before = proxy.commands("insert")
        proxy.behave(cut="request", cuts=2)
        running.spool.write(_faults(16))
        await running.until_sent()
        assert proxy.commands("insert") - before >= 5  # 16 and 4 in vain, then 1, 4 and the rest
        assert len(running.messages()) == 16


async def test_a_document_that_mongodb_rejects(proxy: ProxiedMongo, mongo: Mongo, tmp_path: Path) -> None:
    """What fails the collection's validation is kept as a dead letter with the reason; the others are written."""
    proxy.behave(reject="poison")
    events = _faults(50)
    bad = {0, 27, 28, 49}
    events = [fault(number, message="poison") if number in bad else each for number, each in enumerate(events)]
    async with writing(proxy.uri, mongo, tmp_path, batch=20) as running:
        running.spool.write(events)
        await running.until_sent()
        assert running.messages() == [event.message for event in events if event.message != "poison"]
        with running.spool.reading() as connection:
            rows = connection.execute(
                "SELECT event_id, reason, document FROM dead_letters JOIN events ON id = event_id"
            )
            letters = {row["event_id"]: (row["reason"], row["document"]) for row in rows}
        await running.until(lambda: running.writer.component()["dead_letters"] == len(bad), "health tells of them")
        await running.until_state("ok")
    assert set(letters) == {events[number].id for number in bad}
    assert all("121" in reason and "poison" in document for reason, document in letters.values())


async def test_refused_authentication_is_not_hammered(
    proxy: ProxiedMongo, mongo: Mongo, tmp_path: Path, capfd: pytest.CaptureFixture[str]
) -> None:
    """A wrong password is a fault of the configuration: asked once, said once, and the password never."""
    proxy.behave(deny=True)
    async with writing(proxy.with_user("eye", "pa55w0rd%21"), mongo, tmp_path) as running:
        running.spool.write(_faults(5))
        await running.until_state("refused")
        await asyncio.sleep(2)  # long enough for more attempts, if there were any
        assert proxy.commands("saslStart") == 1
        assert outstanding(running.spool) == (5, 0)
        [error] = running.reported
        assert isinstance(error, MongoRefusedError)
        said = f"{error} {running.writer.component()} {''.join(capfd.readouterr())}"
    assert "Authentication failed" in said
    assert "pa55w0rd" not in said


async def test_refused_and_then_let_in(proxy: ProxiedMongo, mongo: Mongo, tmp_path: Path) -> None:
    """Once the user may write, all that waited is written."""
    proxy.behave(deny=True)
    events = _faults(50)
    async with writing(proxy.uri, mongo, tmp_path, refused_retry_s=0.2) as running:
        running.spool.write(events)
        await running.until_state("refused")
        proxy.behave()
        await _all_there(running, events)
        await running.until_state("ok")


def test_a_uri_that_is_none_is_a_fault_of_the_configuration() -> None:
    """A password with an unescaped slash makes no URI: said with what to do, without a piece of it."""
    with pytest.raises(ConfigError) as caught:
        MongoStore("mongodb://eye:s3cr3t/p4rt@host:27017", MongoSettings())
    assert "mongo.uri" in str(caught.value)
    assert "s3cr3t" not in str(caught.value)
    assert caught.value.__cause__ is None


async def test_killed_and_started_again_under_load(own_mongo: MongoServer, tmp_path: Path) -> None:
    """MongoDB killed twice while faults come in: all are there afterwards, each once, in order."""
    events = _faults(300)
    with MongoClient[dict[str, Any]](own_mongo.uri, tz_aware=True) as client:
        async with writing(own_mongo.uri, client["outage"], tmp_path, batch=20) as running:
            load = asyncio.create_task(_load(running, events), name="load")
            for after in (50, 150):
                await running.until(_has(running, after), "some are there")
                await asyncio.to_thread(own_mongo.kill)
                await running.until_state("away")
                await asyncio.to_thread(own_mongo.start)
            await load
            await _all_there(running, events)


def _has(running: Writing, count: int) -> Callable[[], bool]:
    return lambda: len(running.messages()) >= count


async def _load(running: Writing, events: list[Any]) -> None:
    for start in range(0, len(events), 10):
        await asyncio.to_thread(running.spool.write, events[start : start + 10])
        await asyncio.sleep(0.05)
