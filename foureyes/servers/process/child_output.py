"""What a child process prints: drained always, its last lines kept, logged as far as a person could read it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable

from foureyes.telemetry.log import event

_KEPT_LINES = 100
_CHUNK_BYTES = 64 * 1024
_LINE_BYTES = 64 * 1024
_LOGGED_A_SECOND = 50


class ChildOutput:
    """The lines of one child, from both of its pipes. A child whose pipe is full would stand still."""

    def __init__(
        self,
        name: str,
        on_line: Callable[[str], bool],
        dropped: Callable[[str, str], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.last_lines: deque[str] = deque(maxlen=_KEPT_LINES)
        self.seen = 0
        """Lines so far."""
        self._name = name
        self._on_line = on_line
        """Takes a line first; true where it was meant for it alone."""
        self._dropped = dropped
        self._now = now
        self._second = 0
        self._logged = 0

    async def drain(self, stream: asyncio.StreamReader) -> None:
        """Read until the end."""
        rest = b""
        while chunk := await stream.read(_CHUNK_BYTES):
            *lines, rest = (rest + chunk).split(b"\n")
            for line in lines:
                self._take(line)
            if len(rest) > _LINE_BYTES:
                self._take(rest[:100] + b"... (a line longer than 64 KiB)")
                rest = b""
        if rest:
            self._take(rest)

    def _take(self, data: bytes) -> None:
        line = data[:_LINE_BYTES].decode("utf-8", "replace").rstrip()
        if not self._on_line(line):
            self.seen += 1
            self.last_lines.append(line)
            self._log(line)

    def _log(self, line: str) -> None:
        second = int(self._now())
        if second != self._second:
            self._second, self._logged = second, 0
        self._logged += 1
        if self._logged <= _LOGGED_A_SECOND:
            event("server.output", line, level="debug", server=self._name)
        else:
            self._dropped("server_output", "flood")

    def last_words(self) -> str:
        """The last line, as the end of a sentence."""
        return f"; its last line was: {self.last_lines[-1]}" if self.last_lines else ""
