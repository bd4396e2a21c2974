"""The runner: one reproduction in a process of its own, with bounds, and without our secrets."""

from __future__ import annotations

import contextlib
import json
import os
import sys
import time
from functools import partial
from pathlib import Path
from typing import Any

import psutil

import foureyes
from foureyes.errors.plain import plain_text
from foureyes.forgewright.reproduction.limits import Limits
from foureyes.forgewright.reproduction.verdict import Outcome, Verdict
from foureyes.servers.process import program

__all__ = ["Limits", "Outcome", "Verdict", "run"]

VERDICT_MARK = "foureyes-verdict "
"""Begins the line in which a reproduction says what it saw."""

OUR_ROOT = Path(foureyes.__file__).parent.parent
_KEPT_VARIABLES = (
    "PATH", "HOME", "LANG", "LC_ALL", "TZ", "TMPDIR", "TEMP", "TMP", "SYSTEMROOT", "WINDIR", "USERPROFILE",
)  # fmt: skip
_SHOWN_CHARS = 500
_MB = 1_000_000
_DEFAULT = Limits()


async def run(test_file: Path, *, package_root: Path | None = None, limits: Limits = _DEFAULT) -> Verdict:
    """Run a generated test and tell what it showed.

    `package_root` is the folder that holds the `foureyes` to be tried; ours where it is None. Never raises for
    what the test does: a run that fails or ends in silence is `not reproducible`, with the reason.
    """
    root, output, began_s = (package_root or OUR_ROOT).absolute(), bytearray(), time.monotonic()
    try:
        exit_code = await program.run(
            command_of(test_file),
            output,
            cwd=test_file.parent,
            env=_environment(root),
            timeout_s=limits.timeout_s,
            bound=partial(_bound, limits=limits),
        )
    except OSError as error:
        return Verdict(Outcome.NOT_REPRODUCIBLE, f"it cannot be started: {error.strerror or error}", 0.0)
    seconds = round(time.monotonic() - began_s, 3)
    if exit_code is program.OUT_OF_TIME:
        text = f"it did not end within {limits.timeout_s:g} s and was killed"
        return Verdict(Outcome.NOT_REPRODUCIBLE, text, seconds)
    return _judged(output.decode("utf-8", "replace"), exit_code, root, seconds)


def command_of(test_file: Path) -> tuple[str, ...]:
    """How a person runs it, as an argument list."""
    return sys.executable, "-P", str(test_file.absolute())


def _environment(root: Path) -> dict[str, str]:
    kept = {name: os.environ[name] for name in _KEPT_VARIABLES if name in os.environ}
    return {**kept, "PYTHONPATH": str(root), "PYTHONDONTWRITEBYTECODE": "1", "PYTHONIOENCODING": "utf-8"}


def _bound(pid: int, *, limits: Limits) -> None:
    """Bound its memory where the system can."""
    with contextlib.suppress(psutil.Error, OSError):  # it may have ended already
        process = psutil.Process(pid)
        if sys.platform == "linux":
            most_bytes = limits.memory_mb * _MB
            process.rlimit(psutil.RLIMIT_AS, (most_bytes, most_bytes))


def _judged(output: str, exit_code: int, root: Path, seconds: float) -> Verdict:
    said = _said(output)
    if said is None:
        last = next((line for line in reversed(output.splitlines()) if line.strip()), "it said nothing")
        text = f"it ended with exit code {exit_code} and no verdict: {plain_text(last, _SHOWN_CHARS)}"
        return Verdict(Outcome.NOT_REPRODUCIBLE, text, seconds)
    if not _is_inside(str(said.get("package")), root):
        text = f"another FourEyes than the one in {root} was tried"
        return Verdict(Outcome.NOT_REPRODUCIBLE, text, seconds)
    reason = plain_text(str(said.get("reason", "")), _SHOWN_CHARS)
    calls = tuple(int(number) for number in said.get("calls", ()))
    return Verdict(Outcome(said["outcome"]), reason, seconds, is_green=exit_code == 0, calls=calls)


def _is_inside(package: str, root: Path) -> bool:
    return Path(package).resolve().is_relative_to(root.resolve())


def _said(output: str) -> dict[str, Any] | None:
    """What the reproduction said last; None where it did not come to that."""
    lines = [line for line in output.splitlines() if line.startswith(VERDICT_MARK)]
    try:
        said = json.loads(lines[-1].removeprefix(VERDICT_MARK)) if lines else None
        return said if isinstance(said, dict) and said.get("outcome") in set(Outcome) else None
    except ValueError:
        return None
