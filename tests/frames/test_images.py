"""A folder of pictures as a source."""

from pathlib import Path

import pytest
from parts.drawing import BLUE, GREEN, RED, shows, write_plain

from foureyes.config.settings import ImagesSource as ImagesSettings
from foureyes.exceptions import SourceMissingError, SourceUnreadableError
from foureyes.frames.source import EndOfSource
from foureyes.frames.sources.images import ImagesSource


def watch(folder: Path) -> ImagesSource:
    return ImagesSource(ImagesSettings(kind="images", path=folder))


def test_names_are_in_the_order_a_person_gives_them(tmp_path: Path) -> None:
    """Frame 2 comes before frame 10, in capitals or not, and only PNG and JPEG files count."""
    names = {"shot10.png": BLUE, "Shot2.PNG": GREEN, "shot1.jpg": RED, "z1.jpeg": RED}
    for name, colour in names.items():
        write_plain(tmp_path / name, colour)
    (tmp_path / "notes.txt").write_text("not a picture")
    source = watch(tmp_path)
    for colour in (RED, GREEN, BLUE, RED):
        assert shows(source.grab().pixels, colour, 5, 5)
    with pytest.raises(EndOfSource):
        source.grab()


def test_a_broken_picture_is_named_and_passed_over(tmp_path: Path) -> None:
    """A truncated picture is an error that names the file, never grey pixels; the next look goes on behind it."""
    for name, colour in (("1.png", RED), ("2.jpg", GREEN), ("3.png", BLUE)):
        write_plain(tmp_path / name, colour)
    broken = tmp_path / "2.jpg"
    broken.write_bytes(broken.read_bytes()[:-40])
    source = watch(tmp_path)
    assert shows(source.grab().pixels, RED, 5, 5)
    with pytest.raises(SourceUnreadableError, match=r"2\.jpg is passed over: the JPEG picture is truncated"):
        source.grab()
    assert shows(source.grab().pixels, BLUE, 5, 5)


def test_a_file_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    """A file that went away between listing and reading is told, and the next one comes."""
    for name in ("1.png", "2.png", "3.png"):
        write_plain(tmp_path / name, RED)
    source = watch(tmp_path)
    source.grab()
    (tmp_path / "2.png").unlink()
    with pytest.raises(SourceUnreadableError, match=r"2\.png cannot be read: no such file"):
        source.grab()
    assert source.grab().width == 64


def test_an_empty_or_missing_folder_is_told(tmp_path: Path) -> None:
    """Nothing to watch is an error that says what to put where; the pictures may still come."""
    source = watch(tmp_path)
    with pytest.raises(SourceMissingError, match="has no picture; put PNG or JPEG files into it"):
        source.grab()
    with pytest.raises(SourceMissingError, match="no such file or directory; name a folder"):
        watch(tmp_path / "nothing").grab()
    write_plain(tmp_path / "1.png", RED)
    assert source.grab().width == 64
