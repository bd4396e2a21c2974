"""A program run to its end: no shell, a bounded time, the last of its output, a process group of its own."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import signal
import subprocess
import sys
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

import psutil

from foureyes.redaction import is_secret_key, redact_text
from foureyes.servers.process.environment import environment

_KEPT_BYTES = 64 * 1024
_CHUNK_BYTES = 64 * 1024
_LAST_WORDS_S = 1.0
_EXIT_POLL_S = 0.2
_BEHIND_OTHERS = 10
OUT_OF_TIME = None


async def run(
    arguments: Sequence[str | Path],
    output: bytearray,
    *,
    cwd: Path,
    env: Mapping[str, str],
    timeout_s: float,
    bound: Callable[[int], None] = lambda _pid: None,
    stdin: int | IO[bytes] = subprocess.DEVNULL,
) -> int | None:
    """Run a program in `cwd`; its exit code, or OUT_OF_TIME. `output` gets the last of what it says.

    Whatever is left of its process group is ended with it, also when this is cancelled. `bound` is given its pid
    once it is started; `stdin` is a file, since a pipe that nobody reads would keep us waiting. Raises OSError
    where it cannot be started.
    """
    process = await asyncio.create_subprocess_exec(
        *arguments,
        stdin=stdin,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        cwd=cwd,
        env=env,
        start_new_session=True,
    )
    assert process.stdout is not None
    draining = asyncio.create_task(_drain(process.stdout, output), name="drain program")
    try:
        bound(process.pid)
        async with asyncio.timeout(timeout_s):
            await _exited(process)
    except TimeoutError:
        return OUT_OF_TIME
    finally:
        await _end(process, draining)
    return process.returncode


def found(name: str) -> Path | None:
    """Where a program of this name is, as it can be started from any folder; None where there is none."""
    path = shutil.which(name)
    return None if path is None else Path(path).absolute()


def environment_without_secrets() -> dict[str, str]:
    """Ours without what is set for FourEyes alone, and without whatever else is or looks like a secret."""
    return {
        name: value
        for name, value in environment().items()
        if not is_secret_key(name) and redact_text(value) == value
    }


def tail(output: bytearray, most_chars: int) -> str:
    """The end of what a program said, without secrets."""
    return redact_text(output.decode("utf-8", "replace"))[-most_chars:]


async def _drain(stream: asyncio.StreamReader, output: bytearray) -> None:
    """Read until the end, so that it never stands still; the last of it is kept."""
    while chunk := await stream.read(_CHUNK_BYTES):
        output += chunk
        del output[:-_KEPT_BYTES]


async def _exited(process: asyncio.subprocess.Process) -> None:
    """Return when it has exited: asyncio's own wait goes on while a grandchild holds the pipe."""
    closed = asyncio.create_task(process.wait(), name="end of program")
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
    process._transport.close()  # type: ignore[attr-defined]  # noqa: SLF001 - asyncio itself would hold it as long


def let_others_first(pid: int) -> None:
    """Have a program get the processor behind all else."""
    with contextlib.suppress(psutil.Error):  # it has ended already
        if sys.platform == "win32":
            psutil.Process(pid).nice(psutil.BELOW_NORMAL_PRIORITY_CLASS)
        else:
            psutil.Process(pid).nice(_BEHIND_OTHERS)
