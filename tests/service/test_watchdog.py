"""The daemon under a service manager's notification socket: ready, fed by progress alone, stopping."""

from __future__ import annotations

import json
import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from parts.direct import DIRECT
from parts.foureyes import RunningDaemon
from parts.notify_socket import NotifySocket
from parts.watched import DrawnScreen, FakeEngine, drawn, task, write_config

from foureyes.picture import encode_png

WATCHDOG_S = 0.6


class Notified:
    """A daemon whose service manager is the test."""

    def __init__(self, daemon: RunningDaemon, manager: NotifySocket) -> None:
        self.daemon, self.manager = daemon, manager

    def fed(self) -> int:
        return self.manager.count("WATCHDOG")

    def wait_fed(self, times: int) -> None:
        """Until the watchdog was fed so often from now on."""
        wanted = self.fed() + times
        self.daemon.wait(lambda: self.fed() >= wanted, f"the watchdog is fed {times} times", 60)


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeEngine]:
    """A fake engine that all daemons here ask."""
    with FakeEngine(tmp_path_factory.mktemp("engine"), ["read"]) as running:
        yield running


@pytest.fixture(scope="module")
def demo(tmp_path_factory: pytest.TempPathFactory, engine: FakeEngine) -> Iterator[Notified]:
    """A daemon that watches the demo; tests that stop it come last."""
    folder = tmp_path_factory.mktemp("demo")
    config = write_config(folder, engine, {"read": task()}, [{"id": "main", "kind": "demo", "fps": 5}])
    with NotifySocket(folder) as manager:
        environment = manager.environment(WATCHDOG_S)
        with RunningDaemon(folder, "--config", str(config), **environment) as daemon:
            daemon.wait_ready()
            yield Notified(daemon, manager)


def config_with(folder: Path, engine: FakeEngine, source: dict[str, Any], **server: Any) -> Path:
    """A configuration whose sources stall after a second."""
    file = write_config(folder, engine, {"read": task()}, [source])
    document = json.loads(file.read_text("utf-8"))
    document["capture"] = {"stall_s": 1}
    document["servers"][0].update(server)
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


def engines_of(daemon: RunningDaemon) -> list[psutil.Process]:
    """The children that run the engine's program already."""
    return [
        child for child in psutil.Process(daemon.process.pid).children() if "engine" in " ".join(child.cmdline())
    ]


def test_ready_is_said_once_and_tells_what_is_watched(demo: Notified) -> None:
    """READY=1 comes once, after the start, with a status line that names the source."""
    assert demo.manager.values("READY") == ["1"]
    assert "watching main" in demo.manager.values("STATUS")
    names = demo.manager.names()
    assert names.index("EXTEND_TIMEOUT_USEC") < names.index("READY") < names.index("WATCHDOG")


def test_the_watchdog_is_fed_while_it_looks(demo: Notified) -> None:
    """WATCHDOG=1 comes again and again, well within each period."""
    demo.wait_fed(4)
    frames = demo.daemon.frames()
    demo.wait_fed(4)
    assert demo.daemon.frames() > frames


def test_ready_waits_for_the_first_start_of_every_server(tmp_path: Path) -> None:
    """While a model still loads there is no READY=1; the start's timeout is extended instead."""
    with NotifySocket(tmp_path) as manager, FakeEngine(tmp_path / "engine", ["read"]) as engine:
        engine.signal(signal.SIGSTOP)
        config = config_with(tmp_path, engine, {"id": "main", "kind": "demo"})
        with RunningDaemon(tmp_path, "--config", str(config), **manager.environment()) as daemon:
            daemon.wait((daemon.state_dir / "daemon.json").exists, "the daemon says where it is")
            manager.wait("EXTEND_TIMEOUT_USEC")
            assert not httpx.get(f"{daemon.url}/ready", **DIRECT).is_success
            assert manager.count("READY") == 0
            engine.signal(signal.SIGCONT)
            manager.wait("READY")
            assert httpx.get(f"{daemon.url}/ready", **DIRECT).is_success
            assert manager.count("WATCHDOG") == 0, "no period was set"


def test_a_look_that_never_returns_starves_the_watchdog(tmp_path: Path, engine: FakeEngine) -> None:
    """A named pipe among the pictures blocks the capture loop for ever: the feeding ends though the page answers.

    When somebody writes a picture into the pipe, the loop goes round again, and so does the feeding.
    """
    pictures = tmp_path / "pictures"
    pictures.mkdir()
    for number in (1, 2, 4, 5, 6, 7, 8, 9):
        (pictures / f"{number}.png").write_bytes(encode_png(drawn(str(number))))
    pipe = pictures / "3.png"
    os.mkfifo(pipe)
    source = {"id": "main", "kind": "images", "path": str(pictures), "fps": 1}
    with NotifySocket(tmp_path, abstract=True) as manager:
        config = config_with(tmp_path, engine, source)
        with RunningDaemon(tmp_path, "--config", str(config), **manager.environment(WATCHDOG_S)) as daemon:
            manager.wait("WATCHDOG")
            daemon.wait(lambda: manager.silent_s("WATCHDOG") > 3 * WATCHDOG_S, "the feeding ends")
            assert any("has not returned" in status for status in manager.values("STATUS"))
            assert daemon.component("source:main")["state"] == "blind"
            fed = manager.count("WATCHDOG")
            pipe.write_bytes(encode_png(drawn("3")))
            daemon.wait(lambda: manager.count("WATCHDOG") > fed + 1, "it is fed again")
            told = [entry["event"] for entry in daemon.log_events() if entry["event"].startswith("watchdog.")]
            assert told == ["watchdog.starved", "watchdog.fed"]


def test_a_source_that_is_away_does_not_starve_the_watchdog(tmp_path: Path, engine: FakeEngine) -> None:
    """An OBS that goes away and refuses is a handled error: the loop goes round, and a restart would not help."""
    with NotifySocket(tmp_path) as manager:
        with DrawnScreen() as screen:
            config = config_with(tmp_path, engine, screen.source())
            environment = manager.environment(WATCHDOG_S)
            daemon = RunningDaemon(tmp_path, "--config", str(config), **environment)
            notified = Notified(daemon.wait_ready(), manager)
        with daemon:
            daemon.wait(lambda: daemon.component("source:main")["state"] == "blind", "OBS is missed")
            notified.wait_fed(6)
            assert manager.count("READY") == 1


def test_another_process_has_the_watchdog(tmp_path: Path, engine: FakeEngine) -> None:
    """A WATCHDOG_PID that is not ours means that the watchdog is not for us; READY=1 still is."""
    config = config_with(tmp_path, engine, {"id": "main", "kind": "demo", "fps": 5})
    with NotifySocket(tmp_path) as manager:
        environment = manager.environment(WATCHDOG_S, WATCHDOG_PID="1")
        with RunningDaemon(tmp_path, "--config", str(config), **environment) as daemon:
            daemon.wait_ready()
            looked = daemon.frames()
            daemon.wait(lambda: daemon.frames() > looked + 5, "it goes on looking")
            assert manager.count("READY") == 1
            assert manager.count("WATCHDOG") == 0


def test_a_manager_that_is_gone_ends_nothing(tmp_path: Path, engine: FakeEngine) -> None:
    """A notification socket that nobody reads is said once in the log, and the daemon goes on looking."""
    config = config_with(tmp_path, engine, {"id": "main", "kind": "demo", "fps": 5})
    environment = {"NOTIFY_SOCKET": str(tmp_path / "absent.sock"), "WATCHDOG_USEC": "200000"}
    with RunningDaemon(tmp_path, "--config", str(config), **environment) as daemon:
        daemon.wait_ready()
        looked = daemon.frames()
        daemon.wait(lambda: daemon.frames() > looked + 5, "it goes on looking")
        assert [entry["event"] for entry in daemon.log_events()].count("service.unheard") == 1


def test_children_do_not_inherit_the_service_manager(tmp_path: Path) -> None:
    """The engine's environment has none of systemd's variables: no child may speak in the daemon's name."""
    with NotifySocket(tmp_path) as manager:
        environment = manager.environment(WATCHDOG_S)
        with RunningDaemon(tmp_path, "--source", "demo", **environment) as daemon:
            daemon.wait(lambda: bool(engines_of(daemon)), "the engine was started")
            child = engines_of(daemon)[0]
            assert not {"NOTIFY_SOCKET", "WATCHDOG_USEC"} & child.environ().keys()


def test_sigterm_is_a_clean_stop_that_is_told(demo: Notified) -> None:
    """SIGTERM: STOPPING=1 comes, the watchdog is not fed behind it, and the exit code is 0."""
    assert demo.daemon.stop(signal.SIGTERM) == 0
    names = demo.manager.names()
    assert names.count("STOPPING") == 1
    assert names[-1] == "STOPPING"
