"""A recording as a source."""

from __future__ import annotations

import time
from collections.abc import Callable

from loguru import logger

from foureyes.config.settings import ReplaySource as ReplaySettings
from foureyes.exceptions import SourceMissingError
from foureyes.frames.recording import Entry, frame_file, read_index
from foureyes.frames.same import SameBytes
from foureyes.frames.source import EndOfSource
from foureyes.frames.sources.images import read_picture
from foureyes.picture import Picture


class ReplaySource:
    """The frames that `foureyes record` kept: at their own times (pace own), or each in turn (pace fast).

    Of a recording of several sources it plays the one that has this source's id.
    """

    kind = "replay"
    finite = True

    def __init__(self, settings: ReplaySettings, *, now: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._now = now
        self._entries: list[Entry] = []
        self._next = 0
        self._start_s = 0.0
        self._same = SameBytes()

    @property
    def description(self) -> str:
        """What is watched, for people."""
        return f"the recording {self._settings.path}"

    def grab(self) -> Picture:
        """Return the frame that is due; equal bytes as the last, the same object.

        Raises EndOfSource after the last one, SourceMissingError where there is no recording of this source,
        SourceUnreadableError where a file of it is broken (the next call goes on behind it).
        """
        if not self._entries:
            self._entries = self._chosen()
            self._start_s = self._now() - self._entries[0].offset_s
        if self._next == len(self._entries):
            raise EndOfSource
        entry = self._due()
        return read_picture(frame_file(self._settings.path, entry), self._same)

    def close(self) -> None:
        """Nothing is held open."""

    def _due(self) -> Entry:
        """Move on to the newest frame whose time has come, and return it; at least the one that was shown last."""
        if self._settings.pace == "fast":
            self._next += 1
            return self._entries[self._next - 1]
        elapsed_s = self._now() - self._start_s
        while self._next < len(self._entries) and self._entries[self._next].offset_s <= elapsed_s:
            self._next += 1
        return self._entries[self._next - 1]

    def _chosen(self) -> list[Entry]:
        path, wanted = self._settings.path, self._settings.id
        index = read_index(path)
        if index.cut_short:
            logger.warning("the last line of {} was cut short when the recorder ended; it is left out", path)
        if not index.entries:
            raise SourceMissingError(f"the recording {path} has no frame; record again, or choose another source")
        if wanted not in index.sources and len(index.sources) > 1:
            raise SourceMissingError(
                f"the recording {path} is of the sources {', '.join(index.sources)}; "
                f"give this source (now {wanted}) the id of one of them"
            )
        return [entry for entry in index.entries if entry.source == wanted or len(index.sources) == 1]
