"""Fifteen bugs put into copies of the package: which are recorded, reproduced, and told mended from not mended."""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import Any

from parts.seeded import SEEDS, Seed, environment, unrelated
from parts.seeded_world import judged_case

from benches.results import verdict
from foureyes.forgewright.case import Case
from foureyes.forgewright.reproduction.verdict import Outcome

LEAST = 12
_COMMAND_S = 120.0


def seeded() -> dict[str, Any]:
    """One daemon after the other, each of a copy with one bug in it."""
    found = {seed.name: _tried(seed) for seed in SEEDS}
    reproduced = [each for each in found.values() if each["verdict"] == Outcome.REPRODUCED]
    return {
        "reproduced": verdict(
            held=len(reproduced) >= LEAST,
            promised=f"at least {LEAST} of {len(SEEDS)}",
            measured={
                "reproduced": len(reproduced),
                "recorded": sum(each["recorded"] for each in found.values()),
                "not": [name for name, each in found.items() if each not in reproduced],
            },
        ),
        "mended": verdict(
            held=all(each["fix"] == "verified" and each["unrelated"] == "rejected" for each in reproduced),
            promised="each that is reproduced is green with its known fix and red with an unrelated change, "
            "by `foureyes forge verify`",
            measured={
                "green_with_fix": sum(each["fix"] == "verified" for each in reproduced),
                "red_with_unrelated": sum(each["unrelated"] == "rejected" for each in reproduced),
            },
        ),
        "seeds": found,
    }


def _tried(seed: Seed) -> dict[str, Any]:
    about = {"room": seed.room, "file": seed.file, "raises": seed.type}
    with tempfile.TemporaryDirectory(prefix="foureyes-seed-") as name:
        folder = Path(name)
        copy, world = seed.planted(folder / "copy"), folder / "world"
        world.mkdir()
        try:
            case = judged_case(seed, copy, world)
        except (AssertionError, TimeoutError) as error:
            nothing = {"recorded": False, "verdict": None, "fix": None, "unrelated": None}
            found = about | nothing | {"why": str(error).split("\n")[0]}
        else:
            assert case.reproduction is not None
            shown = {"verdict": case.reproduction.outcome, "why": case.reproduction.reason}
            # the unrelated change first: a case whose fix is verified takes no other
            tried = {"unrelated": unrelated(), "fix": seed.fix()}
            judged = {what: _judged(case, copy, world / "state", what, patch) for what, patch in tried.items()}
            found = about | {"recorded": True} | shown | judged
    print(json.dumps({seed.name: found}), file=sys.stderr, flush=True)
    return found


def _judged(case: Case, copy: Path, state_dir: Path, what: str, patch: str) -> str | None:
    """What `forge verify` of the seeded copy says of a patch."""
    file = state_dir.parent / f"{what}.patch"
    file.write_text(patch, encoding="utf-8")
    arguments = [sys.executable, "-m", "foureyes", "forge", "verify", case.id, "--patch", str(file), "--json"]
    done = subprocess.run(
        [*arguments, "--state-dir", str(state_dir)],
        env={**os.environ, **environment(copy)},
        capture_output=True,
        text=True,
        timeout=_COMMAND_S,
        check=False,
    )
    try:
        return str(json.loads(done.stdout)["verification"]["outcome"])
    except (ValueError, KeyError, TypeError):
        return f"no verdict: {done.stderr[-200:]}"
