"""A case handed to a program, whose output is kept beside the case."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from pathlib import Path

from foureyes.exceptions import HandOverError
from foureyes.redaction import redact_text
from foureyes.servers.process import program
from foureyes.servers.process.environment import environment

OUTPUT = "output.log"


class Command:
    """One argument list; the path of the case file is put behind it. It works in the case's folder."""

    name = "command"

    def __init__(self, arguments: Sequence[str], timeout_s: float) -> None:
        self._arguments = tuple(arguments)
        self._timeout_s = timeout_s

    def check(self) -> str:
        """Whether there is such a program; it is not run. Raises HandOverError."""
        return f"the command {self._program()}"

    async def deliver(self, case_id: str, case_file: Path) -> None:  # noqa: ARG002 - every target's signature
        """Run it to its end. Raises HandOverError where it cannot run, lasts too long or says that it failed."""
        code = await self._run(case_file)
        if code is program.OUT_OF_TIME:
            limit = f"{self._timeout_s:g} s (triage.command_timeout_s)"
            raise HandOverError(f"{self._arguments[0]} did not end within {limit} and was killed")
        if code != 0:
            text = f"{self._arguments[0]} (triage.command) ended with exit code {code}"
            raise HandOverError(f"{text}; see {case_file.with_name(OUTPUT)}")

    async def _run(self, case_file: Path) -> int | None:
        arguments: list[str | Path] = [self._program(), *self._arguments[1:], case_file]
        folder, output = case_file.parent, bytearray()
        try:
            return await program.run(arguments, output, cwd=folder, env=environment(), timeout_s=self._timeout_s)
        except OSError as error:
            raise HandOverError(
                f"{self._arguments[0]} (triage.command) cannot be started: {error.strerror or error}"
            ) from error
        finally:
            await asyncio.to_thread(_keep, output, folder / OUTPUT)

    def _program(self) -> Path:
        """Where the program is; it is started in another folder than ours."""
        found = program.found(self._arguments[0])
        if found is None:
            raise HandOverError(f"there is no program '{self._arguments[0]}' (triage.command) that can be run")
        return found


def _keep(output: bytearray, file: Path) -> None:
    with contextlib.suppress(OSError):  # the folder may be gone; the hand-over's own outcome counts
        file.write_text(redact_text(output.decode("utf-8", "replace")), encoding="utf-8")
