"""Readings as JSON lines in a file or on stdout, written by a thread of its own: a slow disk slows no clock."""

from __future__ import annotations

import json
import queue
import sys
import threading
from collections.abc import Callable, Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any, TextIO

from foureyes.exceptions import UsageError
from foureyes.telemetry.log import event

STDOUT = Path("-")
_WAITING = 1000
_CLOSE_WITHIN_S = 3.0


class JsonLines:
    """One writer thread, a bounded queue; when it is full the oldest line goes, counted."""

    def __init__(self, target: Path, dropped: Callable[[str, str], None]) -> None:
        """Open the target (`-` is stdout). Raises UsageError where it cannot be written."""
        try:
            self._file: TextIO = sys.stdout if target == STDOUT else target.open("a", encoding="utf-8")
        except OSError as error:
            raise UsageError(
                f"readings cannot be written to {target}: {(error.strerror or str(error)).lower()}"
            ) from error
        self._target = target
        self._dropped = dropped
        self._failing = False
        self._waiting: queue.Queue[Mapping[str, Any] | None] = queue.Queue(_WAITING)
        self._thread = threading.Thread(target=self._write_all, name="readings", daemon=True)
        self._thread.start()

    def put(self, document: Mapping[str, Any]) -> None:
        """Queue one line; never blocks."""
        while True:
            try:
                self._waiting.put_nowait(document)
            except queue.Full:
                with suppress(queue.Empty):
                    self._waiting.get_nowait()
                self._dropped("readings", "queue_full")
            else:
                return

    def close(self) -> None:
        """Write what is waiting, within a bound, and close the file."""
        with suppress(queue.Full):
            self._waiting.put(None, timeout=_CLOSE_WITHIN_S)
        self._thread.join(_CLOSE_WITHIN_S)
        if self._thread.is_alive() or self._file is sys.stdout:
            return
        with suppress(OSError):  # its last flush failed like the writes before it, which was said
            self._file.close()

    def _write_all(self) -> None:
        while (document := self._waiting.get()) is not None:
            line = json.dumps(document, ensure_ascii=False, allow_nan=False)
            try:
                self._file.write(line + "\n")
                self._file.flush()
            except OSError as error:
                self._failed(error)
            else:
                self._recovered()

    def _failed(self, error: OSError) -> None:
        self._dropped("readings", "write_failed")
        if not self._failing:
            self._failing = True
            event("readings.failing", f"readings cannot be written to {self._target}: {error}", level="error")

    def _recovered(self) -> None:
        if self._failing:
            self._failing = False
            event("readings.recovered", f"readings are written to {self._target} again")
