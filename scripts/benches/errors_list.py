"""`errors list` over a hundred thousand events: the query and its lines, apart from Python's own start."""

from __future__ import annotations

import subprocess
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from parts.mongo_writing import fault

from benches.readings import percentile
from benches.results import verdict
from foureyes.errors.spool import Spool, spool_file

EVENTS, AT_ONCE = 100_000, 2000
GROUPS = (1000, EVENTS)
RUNS, LISTED_MS = 20, 100.0
BUG_CLASSES, COMPONENTS = ("Unknown", "OBS", "VisionInference"), ("task:read", "source:main", "server:engine")
_TIMED = """
import contextlib, io, sys, time
from pathlib import Path
from foureyes.cli import errors
wanted = {"component": sys.argv[2]} if len(sys.argv) > 2 else {}
def listed():
    began_s = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()) as said:
        errors.list_groups(state_dir=Path(sys.argv[1]), limit=100, **wanted)
    return 1000 * (time.perf_counter() - began_s), said.getvalue().count("\\n")
first_ms, shown = listed()
settings = errors.settings_from(None, state_dir=Path(sys.argv[1]))
errors.settings_from = lambda *_, **__: settings
print(first_ms, shown, *(listed()[0] for _ in range(%d)))
"""
"""Lists once with the configuration read, as a command does, then often with the one that was read."""


def listed() -> dict[str, Any]:
    """With few groups, and with as many groups as events: what a list shows are groups."""
    return {f"{groups}_groups": _listed(groups) for groups in GROUPS}


def _listed(groups: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="foureyes-list-") as name:
        state_dir = Path(name)
        _fill(state_dir, groups)
        plain, filtered = _timed(state_dir), _timed(state_dir, "server:engine")
        began_s = time.perf_counter()
        command = [sys.executable, "-m", "foureyes", "errors", "list", "--state-dir", str(state_dir)]
        subprocess.run(command, capture_output=True, check=True)
        whole_ms = 1000 * (time.perf_counter() - began_s)
    slowest = max(plain["p95"], filtered["p95"])
    return verdict(
        held=slowest < LISTED_MS,
        promised=f"under {LISTED_MS:g} ms for query and lines, Python's start and the configuration aside",
        measured={
            "events": EVENTS,
            "all_ms": plain,
            "of_a_component_ms": filtered,
            "whole_command_ms": round(whole_ms),
        },
    )


def _fill(state_dir: Path, groups: int) -> None:
    began = datetime.now(UTC) - timedelta(days=1)
    with Spool(spool_file(state_dir)) as spool:
        for first in range(0, EVENTS, AT_ONCE):
            numbers = range(first, first + AT_ONCE)
            spool.write([_fault(number, number % groups, began) for number in numbers])


def _fault(number: int, group: int, began: datetime) -> Any:
    at = began + timedelta(seconds=number / 2)
    which = {"component": COMPONENTS[group % 3], "bug_class": BUG_CLASSES[group % 3]}
    return fault(number, group=f"1-{group:024x}", at=at, message=f"group {group} failed again", **which)


def _timed(state_dir: Path, *component: str) -> dict[str, float]:
    """Milliseconds of query and lines, in a process that has Python and the configuration behind it."""
    command = [sys.executable, "-c", _TIMED % RUNS, str(state_dir), *component]
    said = subprocess.run(command, capture_output=True, text=True, check=True).stdout.split()
    took_ms = [float(each) for each in said[2:]]
    p50, p95 = (round(percentile(took_ms, share) or 0.0, 2) for share in (0.5, 0.95))
    return {"lines": int(said[1]), "p50": p50, "p95": p95, "with_the_configuration": round(float(said[0]), 1)}
