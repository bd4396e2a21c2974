"""Keeps a recording from a thread of its own, so that the clock never waits for the disk."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Mapping
from typing import Any

from foureyes.exceptions import PictureError
from foureyes.frames.frame import Frame
from foureyes.frames.recording import Recording
from foureyes.telemetry.log import event

_WAITING = 60
"""Frames and readings that may wait: some seconds of a slow disk."""
_CLOSE_WITHIN_S = 3.0

Item = Frame | Mapping[str, Any]


class Recorder:
    """One writer thread in front of a recording; what comes when too much is waiting is dropped and counted."""

    def __init__(self, recording: Recording, dropped: Callable[[str, str], None]) -> None:
        self._recording = recording
        self._dropped = dropped
        self._waiting: queue.Queue[Item | None] = queue.Queue(_WAITING)
        self._failing = False
        self._thread = threading.Thread(target=self._write, name="recorder", daemon=True)
        self._thread.start()

    def add(self, item: Item) -> None:
        """Keep a frame or a reading; never blocks."""
        try:
            self._waiting.put_nowait(item)
        except queue.Full:
            self._dropped("recording", "queue_full")

    def close(self) -> None:
        """Write what is waiting, within a bound, and close the recording."""
        try:
            self._waiting.put(None, timeout=_CLOSE_WITHIN_S)
        except queue.Full:
            self._dropped("recording", "closed_while_full")
        self._thread.join(_CLOSE_WITHIN_S)
        if not self._thread.is_alive():
            self._recording.close()

    def _write(self) -> None:
        while (item := self._waiting.get()) is not None:
            try:
                self._keep(item)
            except (OSError, PictureError) as error:
                self._failed(error)
            else:
                self._failing = False

    def _keep(self, item: Item) -> None:
        if isinstance(item, Frame):
            self._recording.add_frame(item)
        else:
            self._recording.add_reading(item)

    def _failed(self, error: Exception) -> None:
        self._dropped("recording", "write_failed")
        if not self._failing:
            self._failing = True
            event("recording.failing", f"the recording cannot be written, and goes on: {error}", level="error")
