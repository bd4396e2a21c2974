"""Real bugs, put into a copy of the package: from the daemon that meets one to a test that tells it mended or not.

Three of the fifteen; `scripts/bench errors seeded` tries them all.
"""

from __future__ import annotations

import ast
import asyncio
import subprocess
from pathlib import Path

import pytest
from parts.seeded import BY_NAME, PACKAGE, SEEDS, unrelated
from parts.seeded_world import WORLDS, judged_case

from foureyes.forgewright.reproduction.runner import run
from foureyes.forgewright.reproduction.verdict import Outcome, Verdict


def with_patch(copy: Path, patch: str, test_file: Path) -> Verdict:
    """What the reproduction shows of a copy with a patch, which is taken back again."""
    apply = ["git", "apply", "-"]
    subprocess.run(apply, input=patch, text=True, cwd=copy, check=True)
    verdict = asyncio.run(run(test_file, package_root=copy))
    subprocess.run([*apply, "--reverse"], input=patch, text=True, cwd=copy, check=True)
    return verdict


@pytest.mark.parametrize("name", ["retry-after-overflow", "damaged-png", "huge-confidence"])
def test_a_bug_becomes_a_test_that_its_fix_turns_green(name: str, tmp_path: Path) -> None:
    """Triage of the running daemon reproduces it; its fix makes that green, and another change leaves it red."""
    seed = BY_NAME[name]
    copy, world = seed.planted(tmp_path / "copy"), tmp_path / "world"
    world.mkdir()
    case = judged_case(seed, copy, world)
    assert case.reproduction is not None
    assert case.reproduction.outcome is Outcome.REPRODUCED, case.reproduction
    assert case.platform_path is not None
    test_file = Path(case.platform_path)
    assert with_patch(copy, unrelated(), test_file).outcome is Outcome.REPRODUCED
    assert with_patch(copy, seed.fix(), test_file).is_green


def test_every_seed_fits_the_code_as_it_is() -> None:
    """Each of the fifteen can be put into the package of today, parses there, and has a world that meets it."""
    assert len(SEEDS) == len(WORLDS) == 15
    for seed in SEEDS:
        text = (PACKAGE / seed.file).read_text("utf-8")
        assert text.count(seed.right) == 1, seed.name
        ast.parse(text.replace(seed.right, seed.wrong))
        assert seed.name in WORLDS
