"""The fake `lms` and the misbehaving child keep to the facts file; the docstrings give its sections."""

from __future__ import annotations

import json
import subprocess
from collections.abc import Iterator
from pathlib import Path

import httpx
import psutil
import pytest
from parts.direct import DIRECT
from parts.fakes.asking import chat, get, request
from parts.fakes.steering import FakeLms, FakeServer, alive, command
from parts.program import free_port, wait_until


def test_a_child_leaves_a_process_behind_that_holds_its_pipes(tmp_path: Path) -> None:
    """A child that forks and exits has printed all it was told to; its own child lives and ignores SIGTERM."""
    flags = ["--port", "0", "--folder", str(tmp_path), "--fork", "--print-mb", "1", "--exit-at-once", "3"]
    with (tmp_path / "out").open("wb") as out:
        code = subprocess.run(command("child", *flags), stdout=out, check=False, timeout=20).returncode
    grandchild = psutil.Process(int((tmp_path / "grandchild.pid").read_text()))
    try:
        grandchild.terminate()
        assert (code, (tmp_path / "out").stat().st_size) == (3, 1024 * 1024)
        assert grandchild.is_running()
    finally:
        grandchild.kill()


def test_a_child_serves_as_llama_server_until_it_crashes_on_a_chat(tmp_path: Path) -> None:
    """A crash in the middle of a request ends the process without an answer."""
    with FakeServer(tmp_path, "child", "--crash-on-chat", "--ignore-term") as server:
        assert get(server, "/health").json() == {"status": "ok"}
        server.process.terminate()
        with pytest.raises(httpx.RemoteProtocolError):
            chat(server, request("vl"))
        assert server.process.wait(10) < 0


@pytest.fixture
def lms(tmp_path: Path) -> Iterator[FakeLms]:
    with FakeLms(tmp_path / "home", "a/one", "b/two") as lms:
        yield lms


def test_the_daemon_of_lms_outlives_its_command_and_dies_by_daemon_down(lms: FakeLms) -> None:
    """2.2: the daemon is detached, no child of its starter; `daemon down` ends it and the HTTP server with it."""
    port = free_port()
    up = json.loads(lms.run("daemon", "up", "--json").stdout)
    assert (up["pid"], up["isDaemon"]) == (lms.daemon_pid(), True)
    assert psutil.Process(up["pid"]) not in psutil.Process().children(recursive=True)
    assert lms.run("server", "start", "--port", str(port)).returncode == 0
    assert httpx.get(f"http://127.0.0.1:{port}/lmstudio-greeting", **DIRECT).json() == {"lmstudio": True}
    assert json.loads(lms.run("server", "status", "--json", "--quiet").stdout) == {"running": True, "port": port}
    assert lms.run("daemon", "down").returncode == 0
    wait_until(lambda: not alive(up["pid"]), 60, "the daemon to end")
    assert json.loads(lms.run("server", "status", "--json", "--quiet").stdout) == {"running": False}
    assert lms.side_effects() == []


def test_asking_lms_what_is_loaded_starts_the_daemon(lms: FakeLms) -> None:
    """2.2: `lms ps` resurrects a daemon that somebody stopped; `daemon status` and `server status` do not."""
    assert json.loads(lms.run("daemon", "status", "--json").stdout) == {"status": "not-running"}
    lms.run("server", "status", "--json", "--quiet")
    assert lms.daemon_pid() is None
    assert json.loads(lms.run("ps", "--json").stdout) == []
    assert lms.daemon_pid() is not None
    assert [each["command"] for each in lms.side_effects()] == ["ps"]


def test_lms_loads_the_first_hit_and_loads_it_twice(lms: FakeLms) -> None:
    """2.2: the key is matched loosely, a second load makes ":2", and an unknown id to unload is no error code."""
    for key in ("one", "a/one"):
        assert lms.run("load", key, "--yes").returncode == 0
    assert [each["identifier"] for each in json.loads(lms.run("ps", "--json").stdout)] == ["a/one", "a/one:2"]
    assert lms.run("unload", "no such").returncode == 0
    assert lms.run("load", "no such", "--yes").returncode == 1


def test_lms_leaves_the_app_alone(lms: FakeLms) -> None:
    """2.2: where the desktop app runs, `daemon up` reports it and starts nothing, and `daemon down` refuses."""
    pid = lms.start_app()
    up = json.loads(lms.run("daemon", "up", "--json").stdout)
    assert (up["pid"], up["isDaemon"]) == (pid, False)
    assert lms.run("daemon", "down").returncode == 1
    assert lms.daemon_pid() == pid


def test_lms_may_report_a_failure_though_the_server_is_up(lms: FakeLms) -> None:
    """2.5: the exit code of `server start` is no proof."""
    port = free_port()
    lms.configure(start_reports_failure=True)
    assert lms.run("server", "start", "--port", str(port)).returncode == 1
    assert httpx.get(f"http://127.0.0.1:{port}/lmstudio-greeting", **DIRECT).is_success


def test_lms_may_hang(lms: FakeLms) -> None:
    """2.5: a command that hangs is written down all the same."""
    lms.configure(hangs=["daemon up"])
    with subprocess.Popen([str(lms.path), "daemon", "up", "--json"]) as hanging:
        wait_until(lambda: bool(lms.invocations("daemon up")), 60, "the command to be written down")
        assert hanging.poll() is None
        hanging.kill()
    assert lms.daemon_pid() is None
