"""The daemon as a child of a service process, as on Windows: ended through its standard input."""

from __future__ import annotations

import os
import signal
import sys
from pathlib import Path

import psutil
from parts.foureyes import command
from parts.program import wait_until
from parts.watched import FakeEngine, task, write_config

from foureyes.service.hosted import Hosted


def hosted_daemon(folder: Path, engine: FakeEngine) -> Hosted:
    config = write_config(folder, engine, {"read": task()}, [{"id": "main", "kind": "demo"}])
    wanted = ["run", "--parent-pipe", "--config", str(config), "--state-dir", str(folder / "state")]
    hosted = Hosted(command(*wanted))
    wait_until((folder / "state" / "daemon.json").exists, 30, "the daemon says where it is")
    return hosted


def test_the_daemon_ends_gracefully_when_its_host_asks(tmp_path: Path) -> None:
    """A host that closes the pipe ends the daemon with code 0, and the last thing it said is known."""
    with FakeEngine(tmp_path / "engine", ["read"]) as engine:
        hosted = hosted_daemon(tmp_path, engine)
        hosted.ask_to_end()
        assert hosted.wait() == 0
        assert "stopped after" in hosted.last_words()


def test_the_daemon_ends_when_its_host_dies(tmp_path: Path) -> None:
    """A host that is killed leaves no daemon behind: its end of the pipe is closed by the kernel."""
    with FakeEngine(tmp_path / "engine", ["read"]) as engine:
        config = write_config(tmp_path, engine, {"read": task()}, [{"id": "main", "kind": "demo"}])
        wanted = ["run", "--parent-pipe", "--config", str(config), "--state-dir", str(tmp_path / "state")]
        script = f"from foureyes.service.hosted import Hosted; Hosted({command(*wanted)!r}).wait()"
        host = Hosted([sys.executable, "-c", script])
        wait_until((tmp_path / "state" / "daemon.json").exists, 30, "the daemon says where it is")
        [daemon] = psutil.Process(host.pid).children()
        os.kill(host.pid, signal.SIGKILL)
        host.wait()
        wait_until(lambda: not daemon.is_running() or daemon.status() == psutil.STATUS_ZOMBIE, 60, "its end")


def test_what_does_not_end_is_killed() -> None:
    """A child that ignores the end of its standard input is killed after the grace."""
    stubborn = "import sys, threading; print('begun', file=sys.stderr, flush=True); threading.Event().wait()"
    hosted = Hosted([sys.executable, "-c", stubborn], grace_s=0.2)
    wait_until(lambda: "begun" in hosted.last_words(), 60, "it has begun")
    hosted.ask_to_end()
    hosted.ask_to_end()
    assert hosted.wait() == -signal.SIGKILL


def test_why_it_failed_is_known() -> None:
    """A child that fails at once leaves its code and its last words, for the event log."""
    hosted = Hosted(command("run", "--parent-pipe", "--config", "absent.yaml"))
    assert hosted.wait() == 2
    assert "absent.yaml" in hosted.last_words()
