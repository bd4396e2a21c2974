"""A case handed to a program: no shell, a bounded time, and its output kept beside the case."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from foureyes.exceptions import HandOverError
from foureyes.redaction import redact_text
from foureyes.servers.process.environment import environment

_KEPT_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024
_LAST_WORDS_S = 1.0
_EXIT_POLL_S = 0.2
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
        process, output = await self._started(case_file), bytearray()
        assert process.stdout is not None
        draining = asyncio.create_task(_drain(process.stdout, output), name="drain hand-over")
        try:
            async with asyncio.timeout(self._timeout_s):
                await _exited(process)
        except TimeoutError:
            limit = f"{self._timeout_s:g} s (triage.command_timeout_s)"
            raise HandOverError(f"{self._arguments[0]} did not end within {limit} and was killed") from None
        finally:
            await _end(process, draining)
            await asyncio.to_thread(_keep, output, case_file.with_name(OUTPUT))
        if process.returncode != 0:
            text = f"{self._arguments[0]} (triage.command) ended with exit code {process.returncode}"
            raise HandOverError(f"{text}; see {case_file.with_name(OUTPUT)}")

    def _program(self) -> Path:
        """Where the program is; it is started in another folder than ours."""
        found = shutil.which(self._arguments[0])
        if found is None:
            raise HandOverError(f"there is no program '{self._arguments[0]}' (triage.command) that can be run")
        return Path(found).absolute()

    async def _started(self, case_file: Path) -> asyncio.subprocess.Process:
        try:
            return await asyncio.create_subprocess_exec(
                self._program(),
                *self._arguments[1:],
                case_file,
                stdin=subprocess.DEVNULL,
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                cwd=case_file.parent,
                env=environment(),
                start_new_session=True,
            )
        except OSError as error:
            raise HandOverError(
                f"{self._arguments[0]} (triage.command) cannot be started: {error.strerror or error}"
            ) from error


async def _drain(stream: asyncio.StreamReader, output: bytearray) -> None:
    """Read until the end, so that it never stands still; the last of it is kept."""
    while chunk := await stream.read(_CHUNK_BYTES):
        output += chunk
        del output[:-_KEPT_BYTES]


async def _exited(process: asyncio.subprocess.Process) -> None:
    """Return when it has exited: asyncio's own wait goes on while a grandchild holds the pipe."""
    closed = asyncio.create_task(process.wait(), name="end of hand-over")
    try:
        while process.returncode is None:
            await asyncio.wait({closed}, timeout=_EXIT_POLL_S)
    finally:
        closed.cancel()


async def _end(process: asyncio.subprocess.Process, draining: asyncio.Task[None]) -> None:
    """End whatever is left of its process group, and read what it said last."""
    with contextlib.suppress(ProcessLookupError, PermissionError):
        if sys.platform != "win32":
            os.killpg(process.pid, signal.SIGKILL)
        elif process.returncode is None:
            process.kill()
    await _exited(process)
    await asyncio.wait({draining}, timeout=_LAST_WORDS_S)  # who left the group may hold the pipe for ever
    draining.cancel()


def _keep(output: bytearray, file: Path) -> None:
    with contextlib.suppress(OSError):  # the folder may be gone; the hand-over's own outcome counts
        file.write_text(redact_text(output.decode("utf-8", "replace")), encoding="utf-8")
