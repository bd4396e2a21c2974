"""`foureyes run` with a MongoDB: its faults arrive there, and what becomes of MongoDB is told."""

from __future__ import annotations

import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from parts.foureyes import RunningDaemon, foureyes
from parts.proxied_mongo import ProxiedMongo
from parts.watched import Watched, drawn, task, watching
from pymongo import MongoClient
from pymongo.database import Database

from foureyes.errors.queries import outstanding
from foureyes.errors.spool import Spool, spool_file

TASKS = {"doomed": task(attempts=1)}
DATABASE = "foureyes_daemon"
PASSWORD = "pa55-w0rd-0f-the-test"  # noqa: S105 - nobody asks for it


@pytest.fixture(scope="module")
def proxy(mongo_uri: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ProxiedMongo]:
    with ProxiedMongo(tmp_path_factory.mktemp("proxy"), mongo_uri) as running:
        yield running


@pytest.fixture(scope="module")
def database(mongo_uri: str) -> Iterator[Database[dict[str, Any]]]:
    with MongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        client.drop_database(DATABASE)
        yield client[DATABASE]
        client.drop_database(DATABASE)


@pytest.fixture(scope="module")
def watched(
    proxy: ProxiedMongo, database: Database[dict[str, Any]], tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Watched]:
    variables = {"FOUREYES_MONGO__URI": proxy.uri, "FOUREYES_MONGO__DATABASE": database.name}
    with watching(tmp_path_factory.mktemp("mongo-daemon"), TASKS, **variables) as running:
        running.settle(*TASKS)
        yield running


def fail_once(watched: Watched, text: str) -> None:
    """Have the model answer garbage for a new picture, and wait until that is a fault."""
    before = watched.metric("foureyes_faults_total", component="task:doomed")
    watched.engine.control("doomed", fail="garbage", times=1)
    watched.screen.show(drawn(text))
    watched.daemon.wait(
        lambda: watched.metric("foureyes_faults_total", component="task:doomed") > before, "a fault", 30
    )


def wait_documents(watched: Watched, database: Database[dict[str, Any]], kind: str, count: int) -> list[Any]:
    """The documents of ERR0R with this type, once there are so many."""
    events = database["ERR0R"]
    watched.daemon.wait(lambda: events.count_documents({"type": kind}) >= count, f"{count} {kind} in ERR0R", 60)
    return list(events.find({"type": kind}))


def test_a_fault_of_the_daemon_arrives_in_err0r_once(watched: Watched, database: Database[dict[str, Any]]) -> None:
    """A final failure of a task is one document of ERR0R, with what was at fault and in which circumstances."""
    fail_once(watched, "a")
    [document] = wait_documents(watched, database, "InferenceError", 1)
    watched.settle("doomed")
    assert database["ERR0R"].count_documents({"type": "InferenceError"}) == 1
    assert document["component"] == "task:doomed"
    assert document["bug_class"] == "VisionInference"
    assert document["resolved"] is False
    assert document["pid"] == watched.daemon.process.pid
    assert document["at"].tzinfo is not None
    assert document["context"]["task"] == "doomed"
    picture = f"{document['context']['frame']['digest']}.png"
    assert (watched.daemon.state_dir / "errors" / "frames" / picture).exists()
    group = database["ERR0R_groups"].find_one({"_id": document["fingerprint"]})
    assert group is not None
    assert [machine["count"] for machine in group["machines"].values()] == [1]


def test_health_and_metrics_tell_of_mongodb(watched: Watched) -> None:
    """/health has a component for MongoDB, and /metrics what it has not got."""
    watched.daemon.wait(lambda: watched.daemon.component("mongo")["state"] == "ok", "MongoDB is ok")
    component = watched.daemon.component("mongo")
    assert (component["backlog"], component["dead_letters"]) == (0, 0)
    assert watched.metric("foureyes_error_outbox") == 0


def test_the_loss_of_mongodb_is_a_fault_that_arrives_later(
    watched: Watched, proxy: ProxiedMongo, database: Database[dict[str, Any]]
) -> None:
    """While MongoDB is away the frames go on and faults wait; when it is back it learns of its own absence too."""
    proxy.behave(refuse=True)
    watched.daemon.wait(lambda: watched.daemon.component("mongo")["link"] == "away", "MongoDB is away")
    fail_once(watched, "b")
    watched.daemon.wait(lambda: watched.metric("foureyes_error_outbox") >= 1, "a fault waits")
    since = watched.daemon.frames()
    watched.daemon.wait(lambda: watched.daemon.frames() > since + 2, "frames go on")
    proxy.behave()
    [lost] = wait_documents(watched, database, "MongoLostError", 1)
    assert (lost["component"], lost["bug_class"]) == ("mongo", "MongoDB")
    watched.daemon.wait(lambda: watched.metric("foureyes_error_outbox") == 0, "nothing waits any more")
    assert len(watched.events("mongo.lost")) == 1
    assert len(watched.events("mongo.connected")) == 2


def test_what_came_in_last_is_sent_at_the_end(watched: Watched, proxy: ProxiedMongo) -> None:
    """The last test of this daemon: it ends while a fault is on its way, which arrives all the same."""
    proxy.behave(delay_s=0.2)
    watched.daemon.wait(lambda: watched.daemon.component("mongo")["state"] == "ok", "MongoDB is ok")
    fail_once(watched, "c")
    assert watched.daemon.stop(signal.SIGTERM) == 0
    with Spool(spool_file(watched.daemon.state_dir)) as spool:
        assert outstanding(spool) == (0, 0)


def test_check_says_whether_mongodb_answers(watched: Watched, proxy: ProxiedMongo, tmp_path: Path) -> None:
    """`foureyes check` asks the configured MongoDB: it answers, or why it does not, and never the password."""
    config = ("--config", str(watched.daemon.state_dir.parent / "config.yaml"), "--state-dir", str(tmp_path))
    user = proxy.with_user("eye", PASSWORD)
    cases = (
        ({}, proxy.uri, "ok    mongo: it answers"),
        ({"deny": True}, user, "Authentication failed"),
    )
    for behaviour, uri, wanted in cases:
        proxy.behave(**behaviour)
        said = foureyes("check", *config, FOUREYES_MONGO__URI=uri).stdout
        [line] = [line for line in said.splitlines() if "mongo:" in line]
        assert wanted in line
        assert PASSWORD not in said
    proxy.behave()


def test_without_a_mongodb_the_component_is_off(tmp_path: Path) -> None:
    """No MongoDB configured: health says so, and is no worse for it."""
    with RunningDaemon(tmp_path, "--source", "demo") as daemon:
        daemon.wait((daemon.state_dir / "daemon.json").exists, "the daemon says where it is")
        assert daemon.component("mongo")["state"] == "off"


def test_a_bad_uri_ends_the_start_with_what_to_do_and_without_the_password(tmp_path: Path) -> None:
    """A uri that is none of MongoDB's is refused at the start; what was in it is said nowhere."""
    done = foureyes(
        "run",
        "--source",
        "demo",
        "--state-dir",
        str(tmp_path / "state"),
        FOUREYES_MONGO__URI=f"mongodb://eye:{PASSWORD}/{PASSWORD}@host",
    )
    assert done.returncode != 0
    assert "mongo.uri" in done.stderr
    written = "".join(file.read_text("utf-8", "replace") for file in tmp_path.rglob("*") if file.is_file())
    assert PASSWORD not in done.stdout + done.stderr + written
