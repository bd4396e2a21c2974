"""A program that a test starts: in a process group of its own, its output in a file, ended with its children."""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import socket
import subprocess
import time
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

POLL_S = 0.05


class MissingProgramError(Exception):
    """A program that the test needs is not installed."""


def find(program: str, package: str) -> str:
    """Return the path of `program`; raises MissingProgramError that names the Debian package it comes in."""
    path = shutil.which(program)
    if path is None:
        raise MissingProgramError(f"{program} is not installed: apt-get install {package}")
    return path


def free_port() -> int:
    """Return a TCP port of 127.0.0.1 that nobody listens on now."""
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return int(probe.getsockname()[1])


def wait_until(condition: Callable[[], bool], timeout_s: float, what: str) -> None:
    """Poll `condition` until it holds; raises TimeoutError that says what was waited for."""
    deadline_s = time.monotonic() + timeout_s
    while not condition():
        if time.monotonic() > deadline_s:
            raise TimeoutError(f"waited {timeout_s:g} s in vain: {what}")
        time.sleep(POLL_S)


def untraced() -> dict[str, str]:
    """The test's environment without coverage: who runs nothing of FourEyes need not start it."""
    return {name: value for name, value in os.environ.items() if not name.startswith("COVERAGE_")}


class Program:
    """One running program and its children; it is no part of FourEyes where it is given no environment."""

    def __init__(self, arguments: Sequence[str], log: Path, env: Mapping[str, str] | None = None) -> None:
        self.log = log
        with log.open("ab") as output:
            self.process = subprocess.Popen(
                arguments,
                env=untraced() if env is None else env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                start_new_session=True,
            )

    @property
    def running(self) -> bool:
        return self.process.poll() is None

    def signal(self, number: int) -> None:
        """Send a signal to the whole group; nothing where it has ended."""
        with contextlib.suppress(ProcessLookupError):
            os.killpg(self.process.pid, number)

    def end(self, grace_s: float = 3.0) -> None:
        """Ask the group to end, then make it; nothing of it is left after that."""
        self.signal(signal.SIGCONT)
        self.signal(signal.SIGTERM)
        with contextlib.suppress(subprocess.TimeoutExpired):
            self.process.wait(grace_s)
        self.kill()

    def kill(self) -> None:
        """End the group at once."""
        self.signal(signal.SIGKILL)
        self.process.wait(10)

    def tail(self, lines: int = 15) -> str:
        """The last lines that it wrote, for error messages."""
        return "\n".join(self.log.read_text("utf-8", "replace").splitlines()[-lines:])
