"""Sources through the whole daemon: files that end, masks, recordings and their replay."""

from __future__ import annotations

import json
import signal
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import cv2
import pytest
from parts.foureyes import RunningDaemon, foureyes
from parts.program import Program, free_port, wait_until
from parts.watched import FakeEngine, task, write_config

from foureyes.frames.demo.scene import Scene
from foureyes.picture import decode, encode_png

SCENE = Scene(5, 3.0)
FRAMES = range(4, 10)
"""Of the demo: the grand jackpot grows at the seventh."""
NO_GRAND = [0.0, 0.0, 0.26, 0.25]
"""The part of the demo in which the grand jackpot stands."""


@pytest.fixture(scope="module")
def amounts(tmp_path_factory: pytest.TempPathFactory) -> Iterator[dict[str, Any]]:
    """The shipped configuration with its amounts alone, each read once by one real engine for all daemons here."""
    shown: dict[str, Any] = json.loads(foureyes("config", "show", "--json").stdout)
    shown["tasks"] = {"vision_ocr": {**shown["tasks"]["vision_ocr"], "reads": 1}}
    port, log = free_port(), tmp_path_factory.mktemp("engine") / "console.log"
    engine = Program([sys.executable, "-m", "foureyes.engine", "--port", str(port)], log)
    try:
        wait_until(lambda: "listening" in log.read_text("utf-8"), 60, "the engine to listen")
        yield {**shown, "servers": [{"id": "engine", "kind": "engine", "url": f"http://127.0.0.1:{port}"}]}
    finally:
        engine.end()


def written(folder: Path, document: dict[str, Any]) -> tuple[str, str]:
    """The option with which a command takes this configuration."""
    file = folder / "config.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    return "--config", str(file)


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two seconds of the demo as a video file."""
    file = tmp_path_factory.mktemp("video") / "demo.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 3.0, (1280, 720))
    for number in FRAMES:
        writer.write(SCENE.draw(number))
    writer.release()
    return file


def test_a_video_is_read_to_its_end(video: Path, amounts: dict[str, Any], tmp_path: Path) -> None:
    """A video that ends is the end of the run, with exit code 0 and its last frame read."""
    with RunningDaemon(tmp_path, *written(tmp_path, amounts), "--source", f"video:{video}") as daemon:
        assert daemon.process.wait(90) == 0, daemon.tail(30)
        read = [reading["values"]["grand"] for reading in daemon.readings() if reading["task"] == "vision_ocr"]
        assert read[-1] == SCENE.truth(FRAMES[-1]).grand


@pytest.mark.parametrize("source", ["video:text.mp4", "replay:absent"])
def test_a_file_that_cannot_be_watched_ends_the_run(tmp_path: Path, amounts: dict[str, Any], source: str) -> None:
    """A file that is not there or no video is a plain sentence and exit code 1, and nothing is left running."""
    kind, _, name = source.partition(":")
    (tmp_path / "text.mp4").write_text("this is no video")
    with RunningDaemon(tmp_path, *written(tmp_path, amounts), "--source", f"{kind}:{tmp_path / name}") as daemon:
        assert daemon.process.wait(60) == 1
        console = daemon.log.read_text("utf-8")
        assert f"foureyes: {tmp_path / name}" in console or name in console.splitlines()[-1]
        assert "Traceback" not in console
        assert not (daemon.state_dir / "daemon.json").exists()


def test_a_folder_of_pictures_goes_on_after_a_broken_one(amounts: dict[str, Any], tmp_path: Path) -> None:
    """A truncated picture in a folder is named, and the next one is read."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in (1, 2, 3):
        data = encode_png(SCENE.draw(number * 7))
        (folder / f"{number}.png").write_bytes(data if number != 2 else data[:4000])
    with RunningDaemon(tmp_path, *written(tmp_path, amounts), "--source", f"images:{folder}") as daemon:
        assert daemon.process.wait(90) == 0, daemon.tail(30)
        assert "2.png" in daemon.log.read_text("utf-8")
        last = [reading for reading in daemon.readings() if reading["task"] == "vision_ocr"][-1]
        assert last["values"]["grand"] == SCENE.truth(21).grand


def recorded(folder: Path) -> list[dict[str, Any]]:
    """The values of every whole reading of a recording, so far."""
    file = folder / "readings.jsonl"
    lines = file.read_text("utf-8").split("\n")[:-1] if file.exists() else []
    return [json.loads(line)["values"] for line in lines]


def majors(read: list[dict[str, Any]]) -> set[str]:
    """The amounts of the major jackpot that were read."""
    return {values["major"] for values in read if values["major"]}


@pytest.fixture(scope="module")
def recording(amounts: dict[str, Any], tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What `foureyes record` kept of the demo, its grand jackpot masked, until the major one had grown."""
    folder = tmp_path_factory.mktemp("record")
    source = {"id": "main", "kind": "demo", "seed": 5, "masks": [NO_GRAND]}
    config, kept = written(folder, {**amounts, "sources": [source]}), folder / "recording"
    with RunningDaemon(folder, *config, verb=("record", str(kept))) as daemon:
        daemon.wait(lambda: len(majors(recorded(kept))) > 1, "two amounts are read")
        assert daemon.stop(signal.SIGTERM) == 0, daemon.tail(30)
    return kept


def test_what_is_masked_is_neither_read_nor_recorded(recording: Path) -> None:
    """A masked amount is null, and its pixels are black in every picture that is kept."""
    assert all(values["grand"] is None for values in recorded(recording))
    kept = list((recording / "frames").iterdir())
    assert kept
    assert all(not decode(file.read_bytes())[:180, :320].any() for file in kept)


def test_a_recording_is_a_source(recording: Path, amounts: dict[str, Any], tmp_path: Path) -> None:
    """What record kept is read again by replay with the same amounts; what was masked is not there any more."""
    with RunningDaemon(tmp_path, *written(tmp_path, amounts), "--source", f"replay:{recording}") as daemon:
        assert daemon.process.wait(90) == 0, daemon.tail(30)
        again = [reading["values"] for reading in daemon.readings()]
    first, second = majors(recorded(recording)), majors(again)
    assert first | second <= {SCENE.truth(number).major for number in range(600)}
    assert first & second
    assert all(values["grand"] is None for values in again)


def test_who_may_not_store_pictures_cannot_record(amounts: dict[str, Any], tmp_path: Path) -> None:
    """With keep_frames: never, record refuses with exit code 2 and writes nothing."""
    config = written(tmp_path, {**amounts, "capture": {**amounts["capture"], "keep_frames": "never"}})
    done = foureyes("record", str(tmp_path / "r"), *config, "--state-dir", str(tmp_path / "s"))
    assert done.returncode == 2
    assert "keep_frames" in done.stderr
    assert not (tmp_path / "r").exists()


def test_two_sources_are_watched_at_once(tmp_path: Path) -> None:
    """One daemon watches several sources, each with its own clock and tasks."""
    sources = [
        {"id": "left", "kind": "demo", "seed": 1, "tasks": ["calm"]},
        {"id": "right", "kind": "demo", "seed": 2, "fps": 1, "tasks": ["slow"]},
    ]
    with FakeEngine(tmp_path / "engine", ["calm", "slow"]) as engine:
        config = write_config(tmp_path, engine, {"calm": task(), "slow": task()}, sources)
        with RunningDaemon(tmp_path, "--config", str(config)) as daemon:

            def seen() -> set[tuple[str, str]]:
                return {(reading["source"], reading["task"]) for reading in daemon.readings()}

            daemon.wait(lambda: len(seen()) > 1, "readings of both")
            assert daemon.stop(signal.SIGTERM) == 0, daemon.tail(30)
            assert seen() == {("left", "calm"), ("right", "slow")}
