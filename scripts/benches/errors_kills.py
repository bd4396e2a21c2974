"""A hundred times kill -9 in a storm of faults: what was acknowledged is there afterwards."""

from __future__ import annotations

import os
import random
import signal
import subprocess
import tempfile
import time
from pathlib import Path
from typing import Any

from parts.faulty import storm_program
from parts.program import wait_until

from benches.results import REPOSITORY, verdict
from foureyes.errors.database import opened
from foureyes.errors.spool import spool_file

KILLS = 100
LONGEST_S = 0.5


def killed() -> dict[str, Any]:
    """One spool for all: each program goes on in the one that the last one was killed over."""
    chance = random.Random(1)  # noqa: S311 - no secret
    with tempfile.TemporaryDirectory(prefix="foureyes-kills-") as name:
        folder = Path(name)
        acknowledged = [_killed(folder, number, chance.random() * LONGEST_S) for number in range(KILLS)]
        connection = opened(spool_file(folder), check=True)
        kept = {row["id"] for row in connection.execute("SELECT id FROM events")}
        connection.close()
    lost = [event_id for run in acknowledged for event_id in run if event_id not in kept]
    return {
        "acknowledged": verdict(
            held=not lost and all(acknowledged),
            promised=f"every event that was acknowledged is there after {KILLS} kills, and the spool is whole",
            measured={
                "kills": KILLS,
                "acknowledged": sum(map(len, acknowledged)),
                "least_in_a_run": min(map(len, acknowledged)),
                "lost": len(lost),
                "kept": len(kept),
            },
        )
    }


def _killed(folder: Path, number: int, after_s: float) -> list[str]:
    """Run a storm, kill it in the middle, and return the ids that it had said were on disk."""
    said = folder / f"said-{number}.txt"
    with said.open("wb") as output:
        storm = subprocess.Popen(
            storm_program(folder),
            cwd=REPOSITORY / "tests",
            env={**os.environ, "PYTHONPATH": str(REPOSITORY)},
            stdout=output,
            start_new_session=True,
        )
    try:
        wait_until(lambda: said.stat().st_size > 0, 30, "the first fault of a storm")
        time.sleep(after_s)
    finally:
        os.killpg(storm.pid, signal.SIGKILL)
        storm.wait()
    return said.read_text("ascii").split("\n")[:-1]
