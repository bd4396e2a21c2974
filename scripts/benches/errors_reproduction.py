"""From an exception in a running daemon to a runnable reproduction with its verdict."""

from __future__ import annotations

import tempfile
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from parts.program import wait_until
from parts.watched import MONEY, NUMBER, DrawnScreen, FakeEngine, drawn, write_config

from benches.readings import percentile
from benches.results import verdict
from benches.watching import Watching
from foureyes.errors import queries
from foureyes.errors.spool import Spool, spool_file
from foureyes.forgewright.case import Case
from foureyes.forgewright.cases import Cases

FAULTS, WITHIN_S = 30, 5.0
_LONGEST_S = 60.0
_POLL_S = 0.05


def reproduced() -> dict[str, Any]:
    """Have one task after the other fail for good, each a group of its own, and look for the verdict."""
    names = [f"task_{_word(number)}" for number in range(FAULTS)]
    with tempfile.TemporaryDirectory(prefix="foureyes-reproduction-") as name:
        folder = Path(name)
        with DrawnScreen() as screen, FakeEngine(folder / "engine", names) as engine:
            tasks = {each: _task() for each in names}
            config = write_config(folder, engine, tasks, [screen.source(fps=3)])
            with Watching(["--config", str(config)]) as daemon:
                daemon.wait_ready()
                wait_until(daemon.readings_file.exists, _LONGEST_S, "the first readings")
                took = [_took(daemon, engine, screen, each) for each in names]
    return {"to_verdict_s": _judged(took)}


def _word(number: int) -> str:
    """In letters: what is told apart by digits alone is one group."""
    return "".join("ghijklmnop"[int(digit)] for digit in str(number))


def _task() -> dict[str, Any]:
    schema = {"type": "object", "properties": {"amount": MONEY, "number": NUMBER}, "required": ["amount"]}
    return {"schema": schema, "prompt": "Read it.", "attempts": 1, "reread_s": 3600}


def _took(daemon: Watching, engine: FakeEngine, screen: DrawnScreen, task: str) -> dict[str, Any]:
    """Have one model answer once against its schema, and wait for what becomes of that."""
    daemon.alive()
    engine.control(task, fail="schema", times=1)
    screen.show(drawn(task))
    found: list[tuple[float, Case]] = []

    def has_verdict() -> bool:
        time.sleep(_POLL_S)
        found[:] = _verdicts(daemon.state, f"task:{task}")
        return bool(found)

    wait_until(has_verdict, _LONGEST_S, f"a verdict on the fault of {task}")
    took_s, case = found[0]
    assert case.reproduction is not None
    return {
        "took_s": round(took_s, 2),
        "verdict": case.reproduction.outcome,
        "made_s": case.reproduction.seconds,
        "why": case.reproduction.reason[:120],
    }


def _verdicts(state_dir: Path, component: str) -> list[tuple[float, Case]]:
    """How long ago the fault behind each verdict of a component was."""
    if not spool_file(state_dir).exists():
        return []
    found = []
    with Spool(spool_file(state_dir)) as spool:
        for group in queries.groups(spool, queries.Filter(component=component)):
            case = Cases(spool).last_of(group.fingerprint)
            if case is not None and case.reproduction is not None:
                found.append(((datetime.now(UTC) - group.first_seen).total_seconds(), case))
    return found


def _judged(took: Sequence[dict[str, Any]]) -> dict[str, Any]:
    seconds = [each["took_s"] for each in took]
    p50, p95 = (percentile(seconds, share) for share in (0.5, 0.95))
    return verdict(
        held=(p95 or 0) < WITHIN_S and all(each["verdict"] == "reproduced" for each in took),
        promised=f"under {WITHIN_S:g} at p95, from the fault's own time to its verdict, each of them reproduced",
        measured={"p50": p50, "p95": p95, "highest": max(seconds), "faults": len(seconds), "runs": list(took)},
    )
