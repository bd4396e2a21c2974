"""Notices handed to a program: JSON on its standard input."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from foureyes.config.alerts import CommandChannel
from foureyes.exceptions import AlertError
from foureyes.servers.process import program
from foureyes.servers.process.environment import environment

_SHOWN_CHARS = 300


class Command:
    """One argument list, without a shell; it works in a folder of its own, without our secrets."""

    def __init__(self, settings: CommandChannel) -> None:
        self._arguments = tuple(settings.command)
        self._timeout_s = settings.timeout_s

    def check(self) -> str:
        """Whether there is such a program; it is not run. Raises AlertError."""
        return f"the command {self._program()}"

    async def deliver(self, notice: Mapping[str, Any]) -> None:
        """Run it to its end. Raises AlertError where it cannot run, lasts too long or says that it failed."""
        output = bytearray()
        code = await self._run(json.dumps(notice, ensure_ascii=False, allow_nan=False).encode(), output)
        if code is program.OUT_OF_TIME:
            raise AlertError(f"{self._arguments[0]} did not end within {self._timeout_s:g} s and was killed")
        if code != 0:
            said = program.tail(output, _SHOWN_CHARS).strip() or "nothing"
            raise AlertError(f"{self._arguments[0]} ended with exit code {code} and said: {said}")

    async def _run(self, document: bytes, output: bytearray) -> int | None:
        arguments: list[str | Path] = [self._program(), *self._arguments[1:]]
        try:
            with (
                tempfile.TemporaryDirectory(prefix="foureyes-alert-") as folder,
                tempfile.TemporaryFile() as stdin,
            ):
                stdin.write(document)
                stdin.seek(0)
                return await program.run(
                    arguments,
                    output,
                    cwd=Path(folder),
                    env=environment(),
                    timeout_s=self._timeout_s,
                    stdin=stdin,
                )
        except OSError as error:
            raise AlertError(f"{self._arguments[0]} cannot be started: {error.strerror or error}") from error

    def _program(self) -> Path:
        found = program.found(self._arguments[0])
        if found is None:
            raise AlertError(f"there is no program '{self._arguments[0]}' that can be run")
        return found
