"""Video files as a source."""

import contextlib
from collections.abc import Callable
from pathlib import Path

import pytest
from parts.filming import number_of, write_video
from parts.hand_clock import HandClock

from foureyes.config.settings import VideoSource as VideoSettings
from foureyes.exceptions import SourceMissingError, SourceUnreadableError
from foureyes.frames.source import EndOfSource
from foureyes.frames.sources.video import VideoSource


def watch(path: Path, pace: str = "own", clock: HandClock | None = None) -> VideoSource:
    settings = VideoSettings.model_validate({"kind": "video", "path": path, "pace": pace})
    return VideoSource(settings, now=clock or HandClock())


def all_numbers(source: VideoSource, between: Callable[[], None] = lambda: None) -> list[int]:
    numbers = []
    with contextlib.suppress(EndOfSource):
        while len(numbers) < 100:
            numbers.append(number_of(source.grab().pixels))
            between()
    source.close()
    return numbers


@pytest.mark.parametrize(("name", "codec"), [("v.mp4", "mp4v"), ("v.avi", "MJPG")])
def test_pace_fast_gives_every_frame_once(tmp_path: Path, name: str, codec: str) -> None:
    """As fast as asked, each look gets the next frame, until the end."""
    video = write_video(tmp_path / name, range(20), codec=codec)
    assert all_numbers(watch(video, "fast")) == list(range(20))


def test_pace_own_follows_the_video_s_rate(tmp_path: Path) -> None:
    """At its own pace a 10 FPS video watched 4 times a second shows every 2.5th frame, and then it ends."""
    clock = HandClock()
    source = watch(write_video(tmp_path / "v.mp4", range(20)), clock=clock)
    assert all_numbers(source, lambda: clock.move(0.25)) == [0, 2, 5, 7, 10, 12, 15, 17]


def test_looks_faster_than_the_video_see_the_same_picture(tmp_path: Path) -> None:
    """Two looks within one frame of the video get the very same object."""
    clock = HandClock()
    source = watch(write_video(tmp_path / "v.mp4", range(20)), clock=clock)
    first = source.grab()
    clock.move(0.05)
    assert source.grab() is first
    clock.move(0.06)
    assert source.grab() is not first
    source.close()


def test_a_video_shorter_than_its_header_says_just_ends(tmp_path: Path) -> None:
    """A file that was cut off ends with the last whole frame."""
    video = write_video(tmp_path / "v.avi", range(20), codec="MJPG")
    data = video.read_bytes()
    video.write_bytes(data[: len(data) // 2])
    numbers = all_numbers(watch(video, "fast"))
    assert 0 < len(numbers) < 20
    assert numbers == list(range(len(numbers)))


@pytest.mark.parametrize("content", [b"", b"this is no video" * 100], ids=["empty", "text"])
def test_a_file_that_is_no_video_is_told(
    tmp_path: Path, content: bytes, capfd: pytest.CaptureFixture[str]
) -> None:
    """What cannot be read as a video is named in one sentence, and the libraries write nothing to stderr."""
    file = tmp_path / "v.mp4"
    file.write_bytes(content)
    with pytest.raises(SourceUnreadableError, match=r"v\.mp4 is no video that can be read"):
        watch(file).grab()
    assert capfd.readouterr() == ("", "")


def test_a_truncated_mp4_is_told(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """An MP4 whose index was cut off is unreadable, not empty."""
    file = write_video(tmp_path / "v.mp4", range(20))
    file.write_bytes(file.read_bytes()[:2000])
    with pytest.raises(SourceUnreadableError):
        watch(file).grab()
    assert capfd.readouterr() == ("", "")


def test_a_missing_file_is_told(tmp_path: Path) -> None:
    """A path that is no file is named."""
    for path in (tmp_path / "nothing.mp4", tmp_path):
        with pytest.raises(SourceMissingError, match="there is no file"):
            watch(path).grab()
