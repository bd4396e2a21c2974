"""A recording: the frames and readings of a run in a folder, written so that a killed recorder leaves a whole one.

    DIR/index.jsonl       one line a frame: {"id", "source", "captured_at", "offset_s", "file"}
    DIR/readings.jsonl    one line a reading, as it was published
    DIR/frames/DIGEST.png (or .jpg)   each picture once, however often it was seen

A picture is in place before the line that names it; a line that a kill cut short is the last one, and is left out.
"""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, TextIO

from pydantic import FiniteFloat, TypeAdapter, ValidationError

from foureyes.exceptions import SourceMissingError, SourceUnreadableError, UsageError
from foureyes.frames.frame import Frame
from foureyes.picture import Picture, digest, encode_png

INDEX, READINGS, FRAMES = "index.jsonl", "readings.jsonl", "frames"
_PAUSE_S = 1.0


@dataclass(frozen=True)
class Entry:
    """One recorded frame: when it was captured (ISO 8601 UTC; seconds since the recording began) and its file."""

    id: str
    source: str
    captured_at: str
    offset_s: FiniteFloat
    file: str


_ENTRY = TypeAdapter(Entry)


@dataclass(frozen=True)
class Index:
    """The frames of a recording in their order; `cut_short` tells that the last line was lost to a kill."""

    entries: tuple[Entry, ...]
    cut_short: bool

    @property
    def sources(self) -> tuple[str, ...]:
        """The ids of the recorded sources, in the order in which they first appear."""
        return tuple(dict.fromkeys(entry.source for entry in self.entries))


class Recording:
    """Writes a recording into a folder, which is new, empty or a recording that is carried on. For one thread."""

    def __init__(self, folder: Path) -> None:
        """Make or open the folder. Raises UsageError where it holds something else or cannot be written."""
        self._folder = folder
        try:
            self._start_offset_s = _prepare(folder)
            self._index = (folder / INDEX).open("a", encoding="utf-8", newline="\n")
            self._readings = (folder / READINGS).open("a", encoding="utf-8", newline="\n")
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"{folder} cannot be recorded into: {reason}; name another folder") from error
        self._start_mono_s: float | None = None
        self._last: dict[str, tuple[Picture, str]] = {}

    def add_frame(self, frame: Frame) -> None:
        """Keep a frame; a picture that is there already costs a line. Raises OSError where the disk is full."""
        if self._start_mono_s is None:
            self._start_mono_s = frame.captured_mono_s - self._start_offset_s
        offset_s = round(frame.captured_mono_s - self._start_mono_s, 6)
        captured_at = frame.captured_at.isoformat()
        _append(self._index, asdict(Entry(frame.id, frame.source, captured_at, offset_s, self._kept(frame))))

    def add_reading(self, reading: Mapping[str, Any]) -> None:
        """Keep a reading as it was published."""
        _append(self._readings, reading)

    def close(self) -> None:
        """Close the files; may be called twice."""
        self._index.close()
        self._readings.close()

    def _kept(self, frame: Frame) -> str:
        """Return the picture's file, written first where it is not there; the same object was written before."""
        picture, name = self._last.get(frame.source, (None, ""))
        if picture is not frame.picture:
            name = _store(self._folder, frame.picture)
            self._last[frame.source] = frame.picture, name
        return name


def _prepare(folder: Path) -> float:
    """Make the folder a recording; return the offset at which new frames begin."""
    folder.mkdir(parents=True, exist_ok=True)
    if any(folder.iterdir()) and not (folder / INDEX).is_file():
        raise UsageError(f"{folder} is not empty and no recording; name a new folder, so that nothing is mixed")
    (folder / FRAMES).mkdir(exist_ok=True)
    for name in (INDEX, READINGS):
        _mend(folder / name)
    entries = read_index(folder).entries if (folder / INDEX).is_file() else ()
    return entries[-1].offset_s + _PAUSE_S if entries else 0.0  # the gap between two runs is not worth replaying


def _mend(file: Path) -> None:
    """Cut off a last line that a kill cut short, so that the next line does not continue it."""
    if not file.is_file():
        return
    with file.open("r+b") as lines:
        lines.truncate(lines.read().rfind(b"\n") + 1)


def _append(file: TextIO, entry: Mapping[str, Any]) -> None:
    file.write(json.dumps(entry, ensure_ascii=False, allow_nan=False) + "\n")
    file.flush()  # a killed recorder has lost nothing that was added; only a power cut may


def _store(folder: Path, picture: Picture) -> str:
    encoded = picture.encoded
    suffix = "jpg" if encoded is not None and encoded.startswith(b"\xff\xd8") else "png"
    name = f"{FRAMES}/{digest(picture.pixels)}.{suffix}"
    if not (folder / name).exists():
        unfinished = folder / f"{name}.part"
        unfinished.write_bytes(encoded if encoded is not None else encode_png(picture.pixels))
        unfinished.replace(folder / name)
    return name


def read_index(folder: Path) -> Index:
    """Return the frames of a recording. Raises SourceMissingError where it is none, SourceUnreadableError else."""
    try:
        lines = (folder / INDEX).read_text("utf-8", "replace").split("\n")
    except OSError as error:
        raise SourceMissingError(
            f"{folder} is no recording (it has no readable {INDEX}); name a folder that `foureyes record` wrote"
        ) from error
    # every whole line ends with a newline: what stands behind the last one was cut short
    return Index(tuple(_entries(folder, lines[:-1])), cut_short=bool(lines[-1]))


def _entries(folder: Path, lines: list[str]) -> Iterator[Entry]:
    for number, line in enumerate(lines, 1):
        try:
            yield _ENTRY.validate_json(line)
        except ValidationError as error:
            place = f"line {number} of {folder / INDEX}"
            raise SourceUnreadableError(f"{place} is no frame of a recording; take the line out") from error


def frame_file(folder: Path, entry: Entry) -> Path:
    """Return the picture file of an entry. Raises SourceUnreadableError where it points outside the recording."""
    file = (folder / entry.file).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise SourceUnreadableError(
            f"{folder / INDEX} points at {entry.file}, outside the recording; it is not read"
        )
    return file
