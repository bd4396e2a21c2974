"""Recordings: what `foureyes record` keeps, and playing it again."""

import json
import os
import signal
import subprocess
import sys
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
from loguru import logger
from parts.drawing import BLUE, GREEN, RED, Colour, plain, shows
from parts.hand_clock import HandClock
from parts.jpeg import encode_jpeg
from parts.program import wait_until

from foureyes.config.settings import ReplaySource as ReplaySettings
from foureyes.exceptions import SourceMissingError, SourceUnreadableError, UsageError
from foureyes.frames.frame import Frame
from foureyes.frames.recording import Recording, read_index
from foureyes.frames.source import EndOfSource
from foureyes.frames.sources.replay import ReplaySource
from foureyes.picture import Picture

BEGUN_AT = datetime(2026, 11, 21, 12, tzinfo=UTC)


def frame(number: int, colour: Colour, *, source: str = "main", encoded: bool = False, at_s: float = 0) -> Frame:
    pixels = plain(colour)
    picture = Picture(encoded=encode_jpeg(pixels)) if encoded else Picture(pixels=pixels)
    at_s = at_s or number / 3
    return Frame(f"{source}-{number:06d}", source, BEGUN_AT + timedelta(seconds=at_s), 500 + at_s, picture)


def record(folder: Path, *frames: Frame) -> None:
    recording = Recording(folder)
    for each in frames:
        recording.add_frame(each)
    recording.close()


def replay(folder: Path, pace: str = "fast", clock: HandClock | None = None, name: str = "main") -> ReplaySource:
    settings = ReplaySettings.model_validate({"kind": "replay", "id": name, "path": folder, "pace": pace})
    return ReplaySource(settings, now=clock or HandClock())


def test_an_index_line_has_what_the_format_says(tmp_path: Path) -> None:
    """A line names the frame, its source, when it was captured, the offset in seconds and the file."""
    record(tmp_path, frame(0, RED), frame(3, RED, encoded=True))
    first, second = [json.loads(line) for line in (tmp_path / "index.jsonl").read_text().splitlines()]
    assert first | {"file": ""} == {
        "id": "main-000000",
        "source": "main",
        "captured_at": "2026-11-21T12:00:00+00:00",
        "offset_s": 0.0,
        "file": "",
    }
    assert second["offset_s"] == 1.0
    assert (Path(first["file"]).suffix, Path(second["file"]).suffix) == (".png", ".jpg")


def test_frames_come_back_as_they_were(tmp_path: Path) -> None:
    """Replayed pixels are the recorded ones, a JPEG is kept byte by byte, and it ends after the last frame."""
    frames = [frame(0, RED), frame(1, GREEN, encoded=True), frame(2, BLUE)]
    record(tmp_path, *frames)
    source = replay(tmp_path)
    for each in frames:
        played = source.grab()
        assert (played.pixels == each.picture.pixels).all()
        assert each.picture.encoded in {None, played.encoded}
    for _ in range(2):
        with pytest.raises(EndOfSource):
            source.grab()


def test_equal_pictures_are_stored_once(tmp_path: Path) -> None:
    """However often a picture is seen, by one source or two, it is one file; replayed it is one object."""
    same = frame(0, RED)
    record(tmp_path, same, frame(1, RED), frame(2, GREEN), frame(3, RED), frame(0, RED, source="other"))
    assert len(list((tmp_path / "frames").iterdir())) == 2
    source = replay(tmp_path)
    assert source.grab() is source.grab()


def test_readings_are_kept_as_they_are(tmp_path: Path) -> None:
    """Readings stand one a line, letters beyond ASCII included."""
    recording = Recording(tmp_path)
    readings = [{"task": "vision_ocr", "values": {"grand": "1785.42", "name": "Größe"}}, {"task": "vision_state"}]
    for reading in readings:
        recording.add_reading(reading)
    recording.close()
    recording.close()
    lines = (tmp_path / "readings.jsonl").read_text("utf-8").splitlines()
    assert [json.loads(line) for line in lines] == readings


def test_own_pace_plays_at_the_recorded_times(tmp_path: Path) -> None:
    """A look gets the newest frame whose time has come: earlier ones are skipped, none comes too early."""
    record(tmp_path, *(frame(at, colour) for at, colour in enumerate([RED, GREEN, BLUE, RED])))
    clock = HandClock()
    source = replay(tmp_path, "own", clock)
    for move_s, colour in ((0, RED), (0.3, RED), (0.05, GREEN), (0.7, RED)):
        clock.move(move_s)
        assert shows(source.grab().pixels, colour, 5, 5)
    with pytest.raises(EndOfSource):
        source.grab()


def test_each_source_is_played_by_its_id(tmp_path: Path) -> None:
    """Of a recording of two sources a replay plays the one whose id it has; it asks for one if it has neither."""
    record(tmp_path, frame(0, RED), frame(0, GREEN, source="other"), frame(1, BLUE))
    assert read_index(tmp_path).sources == ("main", "other")
    assert shows(replay(tmp_path, name="other").grab().pixels, GREEN, 5, 5)
    with pytest.raises(SourceMissingError, match="is of the sources main, other; give this source"):
        replay(tmp_path, name="third").grab()


def test_a_recording_of_one_source_is_played_under_any_id(tmp_path: Path) -> None:
    """Where there is no choice the id does not matter."""
    record(tmp_path, frame(0, RED, source="hall"))
    assert shows(replay(tmp_path, name="main").grab().pixels, RED, 5, 5)


def test_a_killed_recorder_leaves_a_readable_recording(tmp_path: Path) -> None:
    """A recorder that is killed in the middle of its work loses at most the frame it was writing."""
    program = """
import sys, itertools
sys.path[:0] = sys.argv[2:]
from pathlib import Path
from test_recording import frame
from foureyes.frames.recording import Recording
recording = Recording(Path(sys.argv[1]))
for number in itertools.count():
    recording.add_frame(frame(number, (number % 256, number // 256 % 256, 7)))
"""
    folder, here = tmp_path / "kept", Path(__file__).parent
    recorder = subprocess.Popen([sys.executable, "-c", program, str(folder), str(here), str(here.parent)])
    index = folder / "index.jsonl"
    try:
        wait_until(lambda: index.is_file() and index.stat().st_size > 20_000, 60, "a hundred frames")
    finally:
        os.kill(recorder.pid, signal.SIGKILL)
        recorder.wait(10)
    entries = read_index(folder).entries
    assert len(entries) > 50
    source = replay(folder)
    for number in range(len(entries)):
        assert tuple(source.grab().pixels[0, 0]) == (number % 256, number // 256 % 256, 7)


def test_a_last_line_cut_short_is_left_out_and_told(tmp_path: Path) -> None:
    """The rest of a line that a kill cut off is no frame; the log says so once."""
    record(tmp_path, frame(0, RED), frame(1, GREEN))
    index = tmp_path / "index.jsonl"
    index.write_bytes(index.read_bytes()[:-30])
    told: list[str] = []
    sink = logger.add(told.append, format="{message}")
    try:
        source = replay(tmp_path)
        source.grab()
        with pytest.raises(EndOfSource):
            source.grab()
    finally:
        logger.remove(sink)
    assert len(told) == 1
    assert "cut short" in told[0]


def test_a_recording_can_be_carried_on(tmp_path: Path) -> None:
    """A second run appends behind what is there, also behind a line that was cut short, and later in time."""
    record(tmp_path, frame(0, RED), frame(1, GREEN))
    index = tmp_path / "index.jsonl"
    index.write_bytes(index.read_bytes()[:-30])
    record(tmp_path, frame(0, BLUE), frame(1, RED))
    entries = read_index(tmp_path).entries
    assert [round(entry.offset_s, 3) for entry in entries] == [0.0, 1.0, 1.333]
    source = replay(tmp_path)
    for colour in (RED, BLUE, RED):
        assert shows(source.grab().pixels, colour, 5, 5)


def test_a_folder_with_something_else_is_refused(tmp_path: Path) -> None:
    """What is not empty and no recording is left as it is."""
    (tmp_path / "letter.txt").write_text("dear")
    with pytest.raises(UsageError, match="is not empty and no recording"):
        Recording(tmp_path)
    assert [file.name for file in tmp_path.iterdir()] == ["letter.txt"]


def test_a_place_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A file where the folder should be is a plain sentence."""
    (tmp_path / "file").write_text("")
    with pytest.raises(UsageError, match="cannot be recorded into"):
        Recording(tmp_path / "file")


LINE = {"id": "main-000001", "source": "main", "captured_at": "", "offset_s": 1.0, "file": "frames/a.png"}
BROKEN = ({"id": 1}, {"offset_s": "soon"}, {"offset_s": float("nan")}, {"file": 5}, {"file": None})


@pytest.mark.parametrize("line", ["", "{", "[]", '{"id": "a"}', *(json.dumps(LINE | change) for change in BROKEN)])
def test_a_broken_line_in_the_middle_is_told_with_its_number(tmp_path: Path, line: str) -> None:
    """An index that was damaged is not guessed at."""
    record(tmp_path, frame(0, RED), frame(1, GREEN))
    index = tmp_path / "index.jsonl"
    first, second = index.read_text().splitlines()
    index.write_text(f"{first}\n{line}\n{second}\n")
    with pytest.raises(SourceUnreadableError, match="line 2 of"):
        replay(tmp_path).grab()


@pytest.mark.parametrize(
    "outside", ["../secret.png", "/etc/secret.png", "frames/../../secret.png", "link/secret.png"]
)
def test_a_recording_reads_no_file_outside_itself(tmp_path: Path, outside: str) -> None:
    """A path that leaves the recording, by dots, from the root or over a link, is refused unread."""
    folder = tmp_path / "recording"
    record(folder, frame(0, RED))
    (tmp_path / "secret.png").write_bytes(encode_jpeg(plain(GREEN)))
    (folder / "link").symlink_to(tmp_path)
    index = folder / "index.jsonl"
    entry = json.loads(index.read_text())
    index.write_text(json.dumps(entry | {"file": outside}) + "\n")
    with pytest.raises(SourceUnreadableError, match="outside the recording"):
        replay(folder).grab()


def test_what_is_no_recording_is_told(tmp_path: Path) -> None:
    """A folder without an index, and a recording without frames, say what to name instead."""
    with pytest.raises(SourceMissingError, match="is no recording"):
        replay(tmp_path).grab()
    Recording(tmp_path / "empty").close()
    with pytest.raises(SourceMissingError, match="has no frame"):
        replay(tmp_path / "empty").grab()
