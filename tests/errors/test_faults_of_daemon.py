"""The real daemon with parts that fail: its faults are recorded while it goes on, and read by the command."""

from __future__ import annotations

import contextlib
import hashlib
import json
import sqlite3
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import psutil
import pytest
from parts.foureyes import foureyes
from parts.watched import Watched, drawn, task, watching

from foureyes.errors import queries
from foureyes.errors.database import MIGRATIONS
from foureyes.errors.group import Group
from foureyes.errors.spool import Spool, spool_file

TASKS = {"calm": task(), "doomed": task(attempts=2), "stuck": task(attempts=1)}
FRAMES = 12


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("faults"), TASKS) as running:
        running.settle(*TASKS)
        yield running


def listed(watched: Watched, **wanted: str) -> list[Group]:
    """The groups that are kept, as another process sees them while the daemon runs."""
    with Spool(spool_file(watched.daemon.state_dir)) as spool:
        return queries.groups(spool, queries.Filter(**wanted))


def wait_listed(watched: Watched, **wanted: str) -> Group:
    watched.daemon.wait(lambda: bool(listed(watched, **wanted)), f"a fault with {wanted}", 60)
    return listed(watched, **wanted)[0]


def command(watched: Watched, *arguments: str) -> Any:
    """What `foureyes errors` says as JSON."""
    state_dir = str(watched.daemon.state_dir)
    return json.loads(foureyes("errors", *arguments, "--json", "--state-dir", state_dir).stdout)


def test_r5_a_final_failure_is_recorded_exactly_once(watched: Watched) -> None:
    """R5: attempts that fail in a row are one fault, with the last one's cause, its frame, model and task."""
    watched.engine.control("doomed", fail="500", times=2)
    shown = watched.screen.show(drawn("1"))
    group = wait_listed(watched, component="task:doomed")
    watched.settle("doomed")
    assert command(watched, "list", "--component", "task:doomed")[0]["count"] == 1
    assert (group.type, group.bug_class) == ("InferenceError", "VisionInference")
    assert len(watched.events("task.failing", "doomed")) == 1
    (event,) = command(watched, "show", group.first_event)["events"]
    context = event["context"]
    assert (context["task"], context["model"], context["server"]) == ("doomed", "doomed", "engine")
    assert event["chain"][0]["relation"] == "cause"
    assert next(frame["function"] for frame in event["stack"] if frame["in_project"]) == "TaskWatch._read"
    picture = watched.daemon.state_dir / "errors" / "frames" / f"{context['frame']['digest']}.png"
    assert hashlib.sha256(picture.read_bytes()).hexdigest() == shown
    assert watched.metric("foureyes_faults_total", component="task:doomed", severity="high") == 1


def test_the_clock_never_waits_for_the_spool(watched: Watched) -> None:
    """While another process holds the spool faults come, frames go on in time, and the faults are there later."""
    missed = watched.metric("foureyes_missed_ticks_total")
    with contextlib.closing(sqlite3.connect(spool_file(watched.daemon.state_dir), isolation_level=None)) as holder:
        holder.execute("BEGIN IMMEDIATE")
        failed = watched.metric("foureyes_faults_total", component="task:stuck")
        watched.engine.control("stuck", fail="garbage", times=1)
        watched.screen.show(drawn("2"))
        watched.daemon.wait(
            lambda: watched.metric("foureyes_faults_total", component="task:stuck") > failed, "the fault", 30
        )
        since = watched.daemon.frames()
        watched.daemon.wait(lambda: watched.daemon.frames() >= since + FRAMES, "frames go on", 60)
        assert watched.metric("foureyes_missed_ticks_total") - missed < FRAMES / 2
        holder.execute("ROLLBACK")
    assert wait_listed(watched, component="task:stuck").count == 1


def test_a_second_daemon_on_the_same_state_folder_is_refused(watched: Watched) -> None:
    """Two daemons never share a spool: the second one says who has the folder, and the faults stay as they are."""
    before = listed(watched)
    second = foureyes("run", "--state-dir", str(watched.daemon.state_dir), "--source", "demo")
    assert second.returncode == 3
    assert "works in" in second.stderr
    assert listed(watched) == before


def test_a_disk_that_takes_nothing_is_told_and_outlived(watched: Watched) -> None:
    """While no file can grow the daemon looks on and says that it keeps no fault; later the fault is there."""
    if not hasattr(psutil, "RLIMIT_FSIZE"):
        pytest.skip("limits of a running process are Linux's")
    process = psutil.Process(watched.daemon.process.pid)
    before = process.rlimit(psutil.RLIMIT_FSIZE)
    known = watched.metric("foureyes_faults_total", component="task:doomed")
    process.rlimit(psutil.RLIMIT_FSIZE, (0, before[1]))
    try:
        watched.engine.control("doomed", fail="schema", times=2)
        watched.screen.show(drawn("3"))
        watched.daemon.wait(
            lambda: watched.metric("foureyes_faults_total", component="task:doomed") > known, "the fault", 30
        )
        watched.daemon.wait(lambda: watched.daemon.component("errors")["state"] == "failing", "it is told", 60)
        since = watched.daemon.frames()
        watched.daemon.wait(lambda: watched.daemon.frames() >= since + 3, "frames go on", 60)
    finally:
        process.rlimit(psutil.RLIMIT_FSIZE, before)
    watched.daemon.wait(lambda: watched.daemon.component("errors")["state"] == "ok", "it is well again", 60)
    assert len(listed(watched, component="task:doomed")) == 2


def test_a_crashed_server_and_a_lost_source_are_faults(watched: Watched) -> None:
    """A server that dies and OBS that goes away are recorded with their names, and the daemon goes on."""
    watched.engine.kill()
    watched.screen.show(drawn("4"))
    crashed = wait_listed(watched, component="server:engine")
    assert (crashed.type, crashed.bug_class) == ("ServerDownError", "LMStudioCrash")
    watched.screen.gone()
    assert wait_listed(watched, kind="OBS").component == "source:main"
    assert watched.daemon.running


def test_a_newer_spool_does_not_stop_the_daemon(tmp_path: Path) -> None:
    """The daemon goes on without a log of faults, says so in /health, and does not touch the newer spool."""
    file = spool_file(tmp_path / "state")
    Spool(file).close()
    with contextlib.closing(sqlite3.connect(file)) as newer:
        newer.execute(f"PRAGMA user_version = {len(MIGRATIONS) + 1}")
    with watching(tmp_path, {"calm": task()}) as running:
        running.settle("calm")
        errors = running.daemon.component("errors")
        assert errors["state"] == "failing"
        assert "install the newer FourEyes" in errors["reason"]
        refused = foureyes("errors", "list", "--state-dir", str(running.daemon.state_dir))
    assert refused.returncode == 1
    assert "install the newer FourEyes" in refused.stderr
