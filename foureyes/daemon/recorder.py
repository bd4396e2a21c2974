"""Keeps a recording from a thread of its own, so that the clock never waits for the disk."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import Any

from foureyes.frames.frame import Frame
from foureyes.frames.recording import Recording
from foureyes.telemetry.lines import BackgroundWriter
from foureyes.telemetry.log import event

_WAITING = 60
"""Frames and readings that may wait: some seconds of a slow disk, and of pictures in memory."""

Item = Frame | Mapping[str, Any]


class Recorder:
    """One writer thread in front of a recording; what is lost is counted as dropped("recording", reason)."""

    def __init__(self, recording: Recording, dropped: Callable[[str, str], None]) -> None:
        self._recording = recording
        self._writer: BackgroundWriter[Item] = BackgroundWriter(
            "recorder", self._keep, dropped=partial(dropped, "recording"), said=self._say, waiting=_WAITING
        )

    def add(self, item: Item) -> None:
        """Keep a frame or a reading; never blocks."""
        self._writer.put(item)

    def close(self) -> None:
        """Write what is waiting, within a bound, and close the recording."""
        if self._writer.close():
            self._recording.close()

    def _keep(self, item: Item) -> None:
        if isinstance(item, Frame):
            self._recording.add_frame(item)
        else:
            self._recording.add_reading(item)

    @staticmethod
    def _say(error: OSError | None) -> None:
        if error is None:
            event("recording.recovered", "the recording is written again")
        else:
            event("recording.failing", f"the recording cannot be written, and goes on: {error}", level="error")
