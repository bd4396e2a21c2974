"""The real command `foureyes`, run as its users run it."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, Self

import httpx
import psutil

from parts.auditing import audited
from parts.direct import DIRECT
from parts.program import Program, wait_until

READY_TIMEOUT_S = 60.0


def command(*arguments: str) -> list[str]:
    return [sys.executable, "-m", "foureyes", *arguments]


_LEFT_IN_PEACE = {"FOUREYES_RESOURCES__CPU_PERCENT": "100"}
"""A machine that runs tests is busy: a daemon that steps back for others would only make them slower."""


def environment(**extra: str) -> dict[str, str]:
    """The test's environment without a display or a FourEyes setting of whoever runs it."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("FOUREYES_")}
    kept.pop("DISPLAY", None)
    return kept | extra


def foureyes(
    *arguments: str, timeout_s: float = 90.0, given: str | None = None, **extra: str
) -> subprocess.CompletedProcess[str]:
    """Run one command to its end; `given` is what is typed into it."""
    return subprocess.run(
        command(*arguments),
        env=environment(**extra),
        input=given,
        capture_output=True,
        text=True,
        timeout=timeout_s,
        check=False,
    )


class RunningDaemon(Program):
    """`foureyes run` (or another long-running command) with a state folder and a readings file of its own."""

    def __init__(self, folder: Path, *arguments: str, verb: Sequence[str] = ("run",), **extra: str) -> None:
        self.state_dir = folder / "state"
        self.readings_file = folder / "readings.jsonl"
        readings = ["--readings", str(self.readings_file)] if verb[0] == "run" else []
        everything = command(*verb, "--state-dir", str(self.state_dir), *readings, *arguments)
        super().__init__(everything, folder / "console.log", environment(**_LEFT_IN_PEACE | extra))

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    @property
    def url(self) -> str:
        return str(json.loads((self.state_dir / "daemon.json").read_text("utf-8"))["url"])

    def get(self, route: str) -> Any:
        return httpx.get(self.url + route, timeout=10, **DIRECT).json()

    @property
    def proof(self) -> dict[str, str]:
        """The header with which requests may change something."""
        token = (self.state_dir / "web-token").read_text("ascii").strip()
        return {"Authorization": f"Bearer {token}"}

    def post(self, route: str, document: Any, **headers: str) -> httpx.Response:
        """Post a document with the token, unless the headers say otherwise."""
        every = {**self.proof, **headers}
        return httpx.post(self.url + route, json=document, headers=every, timeout=10, **DIRECT)

    def audited(self) -> list[dict[str, Any]]:
        """The lines of the audit file."""
        return audited(self.state_dir)

    def wait(self, condition: Callable[[], bool], what: str, timeout_s: float = READY_TIMEOUT_S) -> None:
        """Wait for a condition; a daemon that ends meanwhile fails at once, with its last lines."""

        def met() -> bool:
            if condition():
                return True
            if not self.running:
                raise AssertionError(f"it ended before: {what}\n{self.tail(30)}")
            return False

        try:
            wait_until(met, timeout_s, what)
        except TimeoutError as error:
            raise AssertionError(f"{error}\n{self.tail(30)}") from error

    def wait_ready(self) -> Self:
        """Until every task has a warm model and frames come."""
        self.wait((self.state_dir / "daemon.json").exists, "the daemon says where it is")
        self.wait(lambda: self.get("/ready")["ready"], "ready")
        self.wait(lambda: self.frames() > 0, "the first frame")
        return self

    def frames(self, source: str = "main") -> int:
        return int(self.get("/health")["components"][f"source:{source}"]["frames"])

    def component(self, name: str) -> dict[str, Any]:
        return dict(self.get("/health")["components"][name])

    def readings(self) -> list[dict[str, Any]]:
        """The whole lines of the readings file."""
        if not self.readings_file.exists():
            return []
        lines = self.readings_file.read_text("utf-8").split("\n")
        return [json.loads(line) for line in lines[:-1]]

    def log_events(self) -> list[dict[str, Any]]:
        """The lines of the JSON log."""
        file = self.state_dir / "logs" / "foureyes.log"
        return [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []

    def kept(self) -> dict[Path, bytes]:
        """What the files of the state folder hold, but the token's own; one that goes meanwhile is left out."""
        kept = {}
        for file in self.state_dir.rglob("*"):
            with contextlib.suppress(FileNotFoundError, IsADirectoryError):
                kept[file] = file.read_bytes()
        kept.pop(self.state_dir / "web-token", None)
        return kept

    def engine(self) -> psutil.Process:
        return psutil.Process(self.component("server:engine")["pid"])

    def stop(self, number: int, timeout_s: float = 60.0) -> int:
        """Send one signal to the daemon alone and wait for its exit code."""
        self.process.send_signal(number)
        return self.process.wait(timeout_s)
