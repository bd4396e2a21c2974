"""Readings as JSON lines in a file or on stdout, written by a thread of its own: a slow disk slows no clock."""

from __future__ import annotations

import json
import os
import sys
from collections.abc import Callable, Mapping
from functools import partial
from io import FileIO
from pathlib import Path
from typing import Any

from foureyes.exceptions import UsageError
from foureyes.telemetry.lines import BackgroundWriter
from foureyes.telemetry.log import event

STDOUT = Path("-")


class JsonLines:
    """Whole lines in one target; when too many wait the oldest goes, counted as dropped("readings", reason).

    Bytes go straight to the file: Python's own buffers would keep a line that failed, and complain at exit.
    """

    def __init__(
        self, target: Path, dropped: Callable[[str, str], None], reader_left: Callable[[], None] = lambda: None
    ) -> None:
        """Open the target (`-` is stdout, whose reader may leave). Raises UsageError where that fails."""
        try:
            self._file = _opened(target)
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise UsageError(f"readings cannot be written to {target}: {reason}; choose another file") from error
        self._target = target
        self._dropped: Callable[[str], None] = partial(dropped, "readings")
        self._reader_left = reader_left
        self._torn = False
        self._writer: BackgroundWriter[Mapping[str, Any]] = BackgroundWriter(
            "readings", self._write, dropped=self._dropped, said=self._say
        )

    def put(self, document: Mapping[str, Any]) -> None:
        """Queue one line; never blocks."""
        self._writer.put(document)

    def close(self) -> None:
        """Write what is waiting, within a bound, and close the file."""
        if self._writer.close():
            self._file.close()

    def _write(self, document: Mapping[str, Any]) -> None:
        try:
            line = json.dumps(document, ensure_ascii=False, allow_nan=False)
        except (TypeError, ValueError) as error:  # a fault of ours: it costs this line, not the thread
            self._dropped("not_json")
            event("readings.unwritable", f"a reading is no JSON and was left out: {error}", level="error")
            return
        self._write_whole(f"{line}\n".encode("utf-8", "backslashreplace"))

    def _write_whole(self, line: bytes) -> None:
        """Write one line; after one that a full disk cut off, the next begins on a line of its own."""
        rest = b"\n" + line if self._torn else line
        while rest:
            written = self._file.write(rest)
            if written is None:
                raise BlockingIOError("the target takes no more bytes for now")
            rest = rest[written:]
            self._torn = bool(rest)

    def _say(self, error: OSError | None) -> None:
        if error is None:
            event("readings.recovered", f"readings are written to {self._target} again")
        else:
            event("readings.failing", f"readings cannot be written to {self._target}: {error}", level="error")
            if isinstance(error, BrokenPipeError) and self._target == STDOUT:
                self._reader_left()


def _opened(target: Path) -> FileIO:
    if target != STDOUT:
        return FileIO(target, "a")
    sys.stdout.flush()
    return FileIO(os.dup(sys.stdout.fileno()), "w")
