"""Sources through the whole daemon: files that end, masks, recordings and their replay."""

from __future__ import annotations

import json
import signal
from pathlib import Path
from typing import Any

import cv2
import pytest
from parts.foureyes import RunningDaemon, foureyes
from parts.watched import FakeEngine, task, write_config

from foureyes.frames.demo.scene import Scene
from foureyes.picture import decode, encode_png

SCENE = Scene(5, 3.0)


def shipped_amounts() -> dict[str, Any]:
    """The shipped configuration with its amounts alone: one model to load."""
    shown: dict[str, Any] = json.loads(foureyes("config", "show", "--json").stdout)
    shown["tasks"] = {"vision_ocr": shown["tasks"]["vision_ocr"]}
    return shown


@pytest.fixture(scope="module")
def amounts_config(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A file of it."""
    file = tmp_path_factory.mktemp("amounts") / "amounts.yaml"
    file.write_text(json.dumps(shipped_amounts()), encoding="utf-8")
    return file


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Four seconds of the demo as a video file."""
    file = tmp_path_factory.mktemp("video") / "demo.avi"
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*"MJPG"), 3.0, (1280, 720))
    for number in range(12):
        writer.write(SCENE.draw(number))
    writer.release()
    return file


def test_a_video_is_read_to_its_end(video: Path, amounts_config: Path, tmp_path: Path) -> None:
    """A video that ends is the end of the run, with exit code 0 and its last frame read."""
    with RunningDaemon(tmp_path, "--config", str(amounts_config), "--source", f"video:{video}") as daemon:
        assert daemon.process.wait(90) == 0, daemon.tail(30)
        amounts = [reading["values"] for reading in daemon.readings() if reading["task"] == "vision_ocr"]
        assert any(values["grand"] for values in amounts)


@pytest.mark.parametrize("source", ["video:absent.mp4", "video:text.mp4", "images:absent", "replay:absent"])
def test_a_file_that_cannot_be_watched_ends_the_run(tmp_path: Path, source: str) -> None:
    """A file that is not there or no video is a plain sentence and exit code 1, and nothing is left running."""
    kind, _, name = source.partition(":")
    (tmp_path / "text.mp4").write_text("this is no video")
    with RunningDaemon(tmp_path, "--source", f"{kind}:{tmp_path / name}") as daemon:
        assert daemon.process.wait(60) == 1
        console = daemon.log.read_text("utf-8")
        assert f"foureyes: {tmp_path / name}" in console or name in console.splitlines()[-1]
        assert "Traceback" not in console
        assert not (daemon.state_dir / "daemon.json").exists()


def test_a_folder_of_pictures_goes_on_after_a_broken_one(amounts_config: Path, tmp_path: Path) -> None:
    """A truncated picture in a folder is named, and the next one is read."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    for number in (1, 2, 3):
        data = encode_png(SCENE.draw(number * 7))
        (folder / f"{number}.png").write_bytes(data if number != 2 else data[:4000])
    with RunningDaemon(tmp_path, "--config", str(amounts_config), "--source", f"images:{folder}") as daemon:
        assert daemon.process.wait(90) == 0, daemon.tail(30)
        assert "2.png" in daemon.log.read_text("utf-8")
        last = [reading for reading in daemon.readings() if reading["task"] == "vision_ocr"][-1]
        assert last["values"]["grand"] == SCENE.truth(21).grand


def masked_config(tmp_path: Path, **capture: str) -> Path:
    shown = shipped_amounts()
    shown["sources"] = [{"id": "main", "kind": "demo", "seed": 5, "masks": [[0.0, 0.0, 0.26, 0.25]]}]
    shown["capture"].update(capture)
    file = tmp_path / "masked.yaml"
    file.write_text(json.dumps(shown), encoding="utf-8")
    return file


def recorded(folder: Path) -> list[dict[str, Any]]:
    """The values of every whole reading of a recording, so far."""
    file = folder / "readings.jsonl"
    lines = file.read_text("utf-8").split("\n")[:-1] if file.exists() else []
    return [json.loads(line)["values"] for line in lines]


def test_what_is_masked_is_neither_read_nor_recorded(tmp_path: Path) -> None:
    """A masked amount is null, and its pixels are black in every picture that is kept."""
    config, folder = masked_config(tmp_path), tmp_path / "recording"
    with RunningDaemon(tmp_path, "--config", str(config), verb=("record", str(folder))) as daemon:
        daemon.wait(lambda: any(values["major"] for values in recorded(folder)), "an amount is read")
        assert daemon.stop(signal.SIGTERM) == 0, daemon.tail(30)
    amounts = recorded(folder)
    assert any(values["major"] for values in amounts)
    assert all(values["grand"] is None for values in amounts)
    kept = list((folder / "frames").iterdir())
    assert kept
    assert all(not decode(file.read_bytes())[:180, :320].any() for file in kept)


def test_a_recording_is_a_source(amounts_config: Path, tmp_path: Path) -> None:
    """What record kept is read again by replay with the same amounts."""
    folder, again = tmp_path / "recording", tmp_path / "again"
    config = ("--config", str(amounts_config))
    with RunningDaemon(tmp_path, *config, "--source", "demo:5", verb=("record", str(folder))) as daemon:
        daemon.wait(lambda: len(grands(recorded(folder))) > 1, "two amounts are read")
        assert daemon.stop(signal.SIGTERM) == 0, daemon.tail(30)
    first = grands(recorded(folder))
    again.mkdir()
    with RunningDaemon(again, *config, "--source", f"replay:{folder}") as daemon:
        assert daemon.process.wait(90) == 0, daemon.tail(30)
        second = grands([reading["values"] for reading in daemon.readings()])
    assert first | second <= {SCENE.truth(number).grand for number in range(200)}
    assert first & second


def grands(amounts: list[dict[str, Any]]) -> set[str]:
    """The amounts that were read."""
    return {values["grand"] for values in amounts if values["grand"]}


def test_who_may_not_store_pictures_cannot_record(tmp_path: Path) -> None:
    """With keep_frames: never, record refuses with exit code 2 and writes nothing."""
    config = masked_config(tmp_path, keep_frames="never")
    done = foureyes("record", str(tmp_path / "r"), "--config", str(config), "--state-dir", str(tmp_path / "s"))
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
        with RunningDaemon(tmp_path, "--config", str(config), "--duration", "3") as daemon:
            assert daemon.process.wait(90) == 0, daemon.tail(30)
            seen = {(reading["source"], reading["task"]) for reading in daemon.readings()}
            assert seen == {("left", "calm"), ("right", "slow")}
