"""`foureyes run` from outside: real pixels in, validated readings out, and a clean end."""

from __future__ import annotations

import array
import fcntl
import json
import os
import signal
import subprocess
import termios
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import psutil
import pytest
from parts.direct import DIRECT
from parts.foureyes import RunningDaemon, command, environment, foureyes
from parts.motion import motion_config
from parts.program import wait_until

from foureyes.frames.demo.scene import Scene

READING_KEYS = {
    "task", "source", "frame_id", "captured_at", "read_frame_id", "read_at", "published_at", "age_ms", "values",
    "confidence", "confidence_from", "withheld", "evidence", "model", "server", "latency_ms", "origin", "fallback",
}  # fmt: skip
WATCHED_FRAMES = 75
PIPE_BYTES = 4096  # the smallest that there is: it is full soon
AMOUNTS = ("grand", "major", "minor", "mini", "balance")


def frame_number(frame_id: str) -> int:
    return int(frame_id.rpartition("-")[2])


def wrong_amounts(readings: list[dict[str, Any]], scene: Scene) -> list[tuple[str, str, Any, Any]]:
    """Published amounts that the picture, which the model saw, does not show."""
    return [
        (reading["frame_id"], name, value, truth)
        for reading in readings
        if reading["task"] == "vision_ocr" and reading["read_frame_id"]
        for name, value in reading["values"].items()
        if value is not None
        and value != (truth := getattr(scene.truth(frame_number(reading["read_frame_id"])), name))
    ]


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon that watches the demo with all that is shipped, for tests that only look."""
    with RunningDaemon(tmp_path_factory.mktemp("running"), "--source", "demo:3") as daemon:
        yield daemon.wait_ready()


@pytest.fixture(scope="module")
def watched(running: RunningDaemon) -> RunningDaemon:
    """The same daemon once it has watched for a while."""
    running.wait(lambda: running.frames() >= WATCHED_FRAMES, "enough of the demo is watched", 180)
    return running


def test_one_daemon_for_a_state_folder(running: RunningDaemon) -> None:
    """R26: a second daemon on the same state folder says so, with exit code 3, and the first goes on."""
    second = foureyes("run", "--source", "demo", "--state-dir", str(running.state_dir))
    assert second.returncode == 3
    assert str(running.process.pid) in second.stderr
    assert running.get("/health")["status"] in {"ok", "degraded"}


def test_a_taken_port_is_told_with_its_holder(running: RunningDaemon, tmp_path: Path) -> None:
    """An explicit port that is taken ends with exit code 4; by default the next free port is taken and printed."""
    port = running.url.rpartition(":")[2]
    refused = foureyes("run", "--source", "demo", "--state-dir", str(tmp_path), FOUREYES_WEB__PORT=port)
    assert refused.returncode == 4
    assert str(running.process.pid) in refused.stderr
    assert "Traceback" not in refused.stderr


def test_health_metrics_and_readings_over_http(running: RunningDaemon) -> None:
    """The daemon answers /health, /ready, /metrics, /api/status and /api/readings with its real figures."""
    running.wait(lambda: len(running.get("/api/readings")) == 4, "a reading of each task")
    health = running.get("/health")
    assert health.keys() >= {"status", "uptime_s", "memory", "connections", "version", "components"}
    assert health["components"]["server:engine"]["state"] == "ok"
    text = httpx.get(f"{running.url}/metrics", **DIRECT).text
    assert "dropped_total" in text
    assert 'foureyes_frames_total{source="main"}' in text
    assert running.get("/api/status")["figures"]


def test_events_begin_with_a_heartbeat(running: RunningDaemon) -> None:
    """A client of /events gets a heartbeat at once, then readings as they are published."""
    kinds = []
    with httpx.stream("GET", f"{running.url}/events", **DIRECT, timeout=30) as response:
        assert "no-store" in response.headers["cache-control"]
        for line in response.iter_lines():
            if line.startswith("event:"):
                kinds.append(line.removeprefix("event:").strip())
            if "reading" in kinds:
                break
    assert kinds[0] == "heartbeat"


def test_every_published_amount_is_what_the_picture_showed(watched: RunningDaemon) -> None:
    """No amount is published that the drawn scene did not show in the frame that was read."""
    assert not wrong_amounts(watched.readings(), Scene(3, 3.0))


def test_what_is_shown_is_read(watched: RunningDaemon) -> None:
    """Nearly every amount that the scene shows is published, not withheld."""
    scene, shown, published = Scene(3, 3.0), 0, 0
    for reading in watched.readings():
        if reading["task"] == "vision_ocr" and reading["read_frame_id"]:
            truth = scene.truth(frame_number(reading["read_frame_id"]))
            visible = [name for name in AMOUNTS if getattr(truth, name) is not None]
            shown += len(visible)
            published += sum(reading["values"][name] is not None for name in visible)
    assert published >= 0.98 * shown > 0


def test_every_reading_has_the_keys_of_the_contract(watched: RunningDaemon) -> None:
    """Each line is one JSON object with the keys of a reading, finite numbers, and a reason for each null."""
    readings = watched.readings()
    assert {reading["task"] for reading in readings} == {
        "vision_ocr", "vision_state", "animation_detection", "error_detection",
    }  # fmt: skip
    for reading in readings:
        assert reading.keys() >= READING_KEYS
        assert all(value is not None or reading["withheld"].get(name) for name, value in reading["values"].items())
        assert reading["origin"] in {"inferred", "cached", "held", "shared", None}


def test_states_and_reels_are_never_wrong(watched: RunningDaemon) -> None:
    """The state and the reels are what one of the two pictures shows that they were read from, or null.

    Where an overlay hides the reels, that their place stands still is all that can be seen.
    """
    scene, wrong, right = Scene(3, 3.0), [], 0
    for reading in watched.readings():
        if reading["task"] in {"vision_state", "animation_detection"} and reading["read_frame_id"]:
            number = frame_number(reading["read_frame_id"])
            for name, value in reading["values"].items():
                true = {getattr(scene.truth(at), name) for at in (max(0, number - 1), number)}
                right += value in true
                if value is not None and None not in true and value not in true:
                    wrong.append((reading["read_frame_id"], name, value, true))
    assert right > 20
    assert not wrong


def test_what_stands_still_is_held(watched: RunningDaemon) -> None:
    """Looks at unchanged pixels cost no inference, and their age goes on growing."""
    held = [reading for reading in watched.readings() if reading["origin"] == "held"]
    assert len(held) > 10
    assert all(reading["age_ms"] > 0 for reading in held)
    assert all(reading["latency_ms"] is None for reading in held)


def test_the_console_of_a_watch_that_ends_by_itself_can_be_followed(tmp_path: Path) -> None:
    """After --duration it ends with 0; the console names version, page, when it was ready, and the end."""
    with RunningDaemon(tmp_path, *motion_config(tmp_path), "--duration", "1") as daemon:
        assert daemon.process.wait(90) == 0, daemon.tail(40)
    console = daemon.log.read_text("utf-8")
    for part in ("FourEyes 0.", "http://127.0.0.1:", "ready in", "watching the built-in demo", "stopped"):
        assert part in console
    assert "Traceback" not in console
    assert daemon.readings()


def test_ctrl_c_ends_gracefully_and_leaves_no_child(tmp_path: Path) -> None:
    """One Ctrl-C ends with exit code 0; the engine is gone, and so is the sign of a running daemon."""
    with RunningDaemon(tmp_path, *motion_config(tmp_path)) as daemon:
        engine = daemon.wait_ready().engine()
        assert daemon.stop(signal.SIGINT) == 0, daemon.tail()
        assert not engine.is_running()
        assert not (daemon.state_dir / "daemon.json").exists()


def test_a_second_ctrl_c_forces(tmp_path: Path) -> None:
    """While a stop takes its time, a later Ctrl-C ends at once with 130, and the engine ends by itself."""
    fifo = tmp_path / "readings.jsonl"
    os.mkfifo(fifo)
    # it never reads: when the pipe is full, closing takes its time
    reader = os.open(fifo, os.O_RDONLY | os.O_NONBLOCK)
    fcntl.fcntl(reader, fcntl.F_SETPIPE_SZ, PIPE_BYTES)
    try:
        with RunningDaemon(tmp_path, *motion_config(tmp_path), "--fps", "20") as daemon:
            engine = daemon.wait_ready().engine()
            daemon.wait(
                lambda: lines_published(daemon) > 50 and unread_bytes(reader) > PIPE_BYTES / 2, "the pipe is full"
            )

            def ended() -> bool:
                daemon.process.send_signal(signal.SIGINT)
                return not daemon.running

            wait_until(ended, 60, "it is forced to end")
            assert daemon.process.returncode == 130
            assert not (daemon.state_dir / "daemon.json").exists()
            wait_until(lambda: not engine.is_running(), 60, "the engine notices that its parent is gone")
    finally:
        os.close(reader)


def lines_published(daemon: RunningDaemon) -> float:
    """How many readings were published so far, more than a pipe holds."""
    totals = daemon.get("/api/status")["figures"]["totals"]
    return sum(value for name, value in totals.items() if name.startswith("foureyes_looks_total"))


def unread_bytes(reader: int) -> int:
    """How much waits in a pipe."""
    waiting = array.array("i", [0])
    fcntl.ioctl(reader, termios.FIONREAD, waiting)
    return waiting[0]


def test_two_signals_at_once_are_one_wish(tmp_path: Path) -> None:
    """Two SIGTERM in a row, as some programs send them, still end gracefully, and stop the whole tree."""
    with RunningDaemon(tmp_path, *motion_config(tmp_path)) as daemon:
        daemon.wait_ready()
        children = psutil.Process(daemon.process.pid).children(recursive=True)
        assert children
        daemon.process.send_signal(signal.SIGTERM)
        assert daemon.stop(signal.SIGTERM) == 0
        assert not any(child.is_running() for child in children)


def test_a_killed_daemon_leaves_no_engine_behind_and_is_not_believed_to_run(tmp_path: Path) -> None:
    """After kill -9 status says that no daemon runs, although its last words are there, and the engine ends."""
    with RunningDaemon(tmp_path, *motion_config(tmp_path)) as daemon:
        engine = daemon.wait_ready().engine()
        assert daemon.stop(signal.SIGKILL) == -signal.SIGKILL
        assert (daemon.state_dir / "daemon.json").exists()
        assert "no daemon runs" in foureyes("status", "--state-dir", str(daemon.state_dir)).stderr
        wait_until(lambda: not engine.is_running(), 60, "the engine notices that its parent is gone")


def test_the_daemon_ends_when_nobody_reads_its_stdout(tmp_path: Path) -> None:
    """`run --readings - | head` ends when head does, and not some day."""
    arguments = command("run", *motion_config(tmp_path), "--readings", "-", "--state-dir", str(tmp_path / "state"))
    running = subprocess.Popen(
        arguments, stdout=subprocess.PIPE, stderr=subprocess.PIPE, env=environment(), text=True
    )
    assert running.stdout is not None
    assert running.stderr is not None
    assert json.loads(running.stdout.readline())["source"] == "main"
    running.stdout.close()
    assert running.wait(60) == 0
    assert "the reader of stdout has gone" in running.stderr.read()
    running.stderr.close()


@pytest.fixture(scope="module")
def struck(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningDaemon]:
    """A daemon whose engine the tests do harm to, one after the other."""
    folder = tmp_path_factory.mktemp("struck")
    with RunningDaemon(folder, *motion_config(folder, check_s=1.0)) as daemon:
        yield daemon


def restarts(daemon: RunningDaemon) -> int:
    """How often the engine was started anew."""
    return int(daemon.component("server:engine")["restarts"])


def test_a_killed_engine_is_restarted_while_the_loop_goes_on(struck: RunningDaemon) -> None:
    """After kill -9 of the engine, frames go on and readings come back from a new engine."""
    first = struck.wait_ready().engine()
    frames, before = struck.frames(), restarts(struck)
    first.kill()
    struck.wait(lambda: restarts(struck) == before + 1, "the restart")
    struck.wait(lambda: struck.get("/ready")["ready"], "ready again")
    assert struck.engine().pid != first.pid
    assert struck.frames() > frames
    seen = len(struck.readings())
    struck.wait(
        lambda: any(reading["origin"] == "inferred" for reading in struck.readings()[seen:]), "a reading again"
    )
    assert {"failed", "ready"} <= {entry.get("state") for entry in struck.log_events()}


def test_a_hung_engine_is_replaced(struck: RunningDaemon) -> None:
    """An engine that is alive and answers nothing (SIGSTOP) is killed and started anew."""
    hung = struck.wait_ready().engine()
    before = restarts(struck)
    hung.suspend()
    struck.wait(lambda: restarts(struck) > before, "the hang is noticed")
    struck.wait(lambda: struck.get("/ready")["ready"], "ready again")
    assert not hung.is_running()
