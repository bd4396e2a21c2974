"""An X server without a screen, on a display number that it chooses itself."""

from __future__ import annotations

import os
import tempfile
from pathlib import Path
from typing import Self

from parts.program import Program, find, wait_until


class Xvfb:
    """A virtual screen; `display` is its name (":5") while it runs.

    `with Xvfb() as screen:` starts it; programs draw on it that are started with `env=screen.env()`.
    """

    def __init__(self, width: int = 1280, height: int = 720) -> None:
        self.width, self.height = width, height
        self.display = ""

    def __enter__(self) -> Self:
        command = find("Xvfb", "xvfb")
        self._folder = tempfile.TemporaryDirectory(prefix="foureyes-xvfb-")
        folder = Path(self._folder.name)
        number = folder / "display"
        screen = f"{self.width}x{self.height}x24"
        # the shell hands Xvfb a file to write the number into: no race for a free display
        script = f'exec "$0" -displayfd 3 -screen 0 {screen} +extension GLX -noreset -nolisten tcp 3>"$1"'
        self._program = Program(["sh", "-c", script, command, str(number)], folder / "log")
        try:
            wait_until(lambda: self._named(number), 60, "Xvfb to name its display")
        except BaseException:
            self.stop()
            raise
        self.display = f":{number.read_text().strip()}"
        return self

    def _named(self, number: Path) -> bool:
        if not self._program.running:
            raise RuntimeError(f"Xvfb ended:\n{self._program.tail()}")
        return number.exists() and number.read_text().endswith("\n")

    def env(self) -> dict[str, str]:
        """The environment for a program that shall draw on this screen."""
        return {**os.environ, "DISPLAY": self.display}

    def stop(self) -> None:
        """End the server; may be called twice."""
        self._program.end()
        self._folder.cleanup()

    def __exit__(self, *_: object) -> None:
        self.stop()
