"""SIGHUP in the life of a daemon, from outside: at its start, under systemd, in a terminal, in a recording."""

from __future__ import annotations

import itertools
import json
import os
import pty
import signal
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from parts.foureyes import RunningDaemon, command, environment
from parts.notify_socket import NotifySocket
from parts.program import Program, wait_until
from parts.reloading import ConfigFile
from parts.watched import DrawnScreen, FakeEngine, drawn, task, write_config

from foureyes.picture import decode

LEFT, RIGHT = [0.0, 0.0, 0.5, 1.0], [0.5, 0.0, 0.5, 1.0]


@contextmanager
def screen_and_config(folder: Path, **source: Any) -> Iterator[tuple[DrawnScreen, Path]]:
    """A drawn screen, a fake engine, and the configuration of a daemon over both."""
    with DrawnScreen() as screen, FakeEngine(folder / "engine", ["read"]) as engine:
        yield screen, write_config(folder, engine, {"read": task()}, [screen.source(**source)])


def test_a_signal_during_the_start_is_kept_for_its_end(tmp_path: Path) -> None:
    """A SIGHUP that comes before the daemon watches does not end it: the file is read again once it does."""
    with screen_and_config(tmp_path) as (_, file), RunningDaemon(tmp_path, "--config", str(file)) as daemon:
        daemon.wait((daemon.state_dir / "daemon.json").exists, "the daemon says where it is")
        config = ConfigFile(daemon, tmp_path)
        config.path.write_text(json.dumps(config.changed("tasks", "read", prompt="Another one.")), "utf-8")
        daemon.process.send_signal(signal.SIGHUP)
        daemon.wait(lambda: bool(config.outcomes()), "the reload")
        assert "tasks changed: read" in config.outcomes()[0]["message"]
        daemon.wait_ready()


def test_systemd_is_told_when_a_reload_begins_and_ends(tmp_path: Path) -> None:
    """RELOADING=1 with its time, then READY=1, be the file good or refused."""
    with (
        NotifySocket(tmp_path) as manager,
        screen_and_config(tmp_path) as (_, file),
        RunningDaemon(tmp_path, "--config", str(file), **manager.environment()) as daemon,
    ):
        config = ConfigFile(daemon.wait_ready(), tmp_path)
        config.reload(config.changed("tasks", "read", prompt="Another one."))
        wait_until(lambda: manager.count("READY") == 2, 60, "ready again")
        config.reload_text("nothing: good")
        wait_until(lambda: manager.count("READY") == 3, 60, "ready again")
        told = [name for name in manager.names() if name != "EXTEND_TIMEOUT_USEC"]
        reload = ["RELOADING", "MONOTONIC_USEC", "READY"]
        assert told == ["READY", *reload, *reload]


def test_masks_change_without_a_picture_between_them(tmp_path: Path) -> None:
    """A recording over a change of masks has only pictures with the old masks, then only with the new ones."""
    recorded, stop = tmp_path / "recorded", threading.Event()
    with screen_and_config(tmp_path, masks=[LEFT], fps=20) as (screen, file):
        changing = threading.Thread(target=lambda: [change(screen, number) for number in until(stop)])
        with RunningDaemon(tmp_path, "--config", str(file), verb=("record", str(recorded))) as daemon:
            config = ConfigFile(daemon.wait_ready(), tmp_path)
            changing.start()
            try:
                config.reload(config.changed("sources", 0, masks=[RIGHT]))
                frames = daemon.frames()
                daemon.wait(lambda: daemon.frames() > frames + 5, "pictures with the new mask")
            finally:
                stop.set()
                changing.join()
            assert daemon.stop(signal.SIGTERM) == 0
    entries = [json.loads(line) for line in (recorded / "index.jsonl").read_text("utf-8").splitlines()]
    shown = [visible_half(recorded / entry["file"]) for entry in entries]
    assert [half for half, _ in itertools.groupby(shown)] == ["right", "left"]
    assert len({entry["id"] for entry in entries}) == len(entries)


def until(stop: threading.Event) -> Iterator[int]:
    """Numbers, quickly, until told to stop."""
    return itertools.takewhile(lambda _: not stop.wait(0.01), itertools.count())


def change(screen: DrawnScreen, number: int) -> None:
    """Show a picture that is bright on both halves."""
    pixels = drawn(str(number))
    pixels[200:, :] = 255
    screen.show(pixels)


def visible_half(file: Path) -> str:
    """Which half of a picture is not masked; every pixel of the other one is black."""
    pixels = decode(file.read_bytes())
    middle = pixels.shape[1] // 2
    halves = {"left": pixels[:, :middle], "right": pixels[:, middle:]}
    (seen,) = [name for name, half in halves.items() if np.any(half)]
    return seen


def test_a_recording_is_refused_from_the_new_configuration_too(tmp_path: Path) -> None:
    """While pictures are recorded, a file that forbids to keep them is refused: it would not be heeded."""
    with (
        screen_and_config(tmp_path) as (_, file),
        RunningDaemon(tmp_path, "--config", str(file), verb=("record", str(tmp_path / "kept"))) as daemon,
    ):
        config = ConfigFile(daemon.wait_ready(), tmp_path)
        said = config.reload_text(json.dumps({**config.document, "capture": {"keep_frames": "never"}}))
        assert said["event"] == "config.refused"
        assert "capture.keep_frames" in said["message"]


class InTerminal(Program):
    """`foureyes run` as the program of a terminal."""

    def __init__(self, folder: Path, *arguments: str, wrapper: str) -> None:
        self.master, slave = pty.openpty()
        self._terminal = os.ttyname(slave)
        os.close(slave)
        script = f'exec {wrapper} "$@" < {self._terminal}'  # opened by the leader of a session, it becomes its own
        run = command("run", "--state-dir", str(folder / "state"), *arguments)
        super().__init__(["sh", "-c", script, "sh", *run], folder / "console.log", environment())

    def close_window(self) -> None:
        os.close(self.master)


@pytest.mark.parametrize("wrapper", ["env", "nohup"])
def test_a_closed_terminal_ends_the_daemon_unless_it_was_told_to_stay(tmp_path: Path, wrapper: str) -> None:
    """A SIGHUP that comes of a closed window is an end, as without a handler; under nohup the daemon lives on."""
    with screen_and_config(tmp_path) as (_, file):
        daemon = InTerminal(tmp_path, "--config", str(file), wrapper=wrapper)
        try:
            log = tmp_path / "state" / "logs" / "foureyes.log"
            wait_until(lambda: log.exists() and "source.watching" in log.read_text("utf-8"), 60, "watching")
            daemon.close_window()
            if wrapper == "env":
                assert daemon.process.wait(30) == 0
                assert "SIGHUP: ending gracefully" in log.read_text("utf-8")
            else:
                daemon.process.send_signal(signal.SIGHUP)
                wait_until(lambda: "config.reloaded" in log.read_text("utf-8"), 60, "a reload")
        finally:
            daemon.end()
