"""A checkout of FourEyes with one bug in it, and a state folder with the case that the bug has become."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path

from foureyes.errors.spool import Spool, spool_file
from foureyes.forgewright.case import Case
from foureyes.forgewright.cases import Cases
from parts import erring
from parts.foureyes import command, environment
from parts.seeded import Seed

BUG = Seed(
    name="screen-without-a-number",
    room="sources",
    file="frames/sources/grammar.py",
    right="monitor=int(rest or 1)",
    wrong="monitor=int(rest)",
    type="ValueError",
    place="_screen",
)
FILE = f"foureyes/{BUG.file}"


@dataclass(frozen=True)
class Ground:
    """The two folders of one test."""

    project: Path
    state_dir: Path

    @classmethod
    def made(cls, folder: Path) -> Ground:
        """Plant the bug, meet it, and have the checkout's own triage make a case of it."""
        ground = cls(BUG.planted(folder / "project"), folder / "state")
        (ground.project / "pyproject.toml").touch()
        ground.meet()
        done = ground.forge("run")
        assert done.returncode == 0, done.stderr
        return ground

    def copied(self, folder: Path) -> Ground:
        """Both again, for a test that changes them; the reproduction stays where it is."""
        again = Ground(folder / "project", folder / "state")
        shutil.copytree(self.project, again.project)
        shutil.copytree(self.state_dir, again.state_dir)
        return again

    def meet(self) -> None:
        """Have the checkout's code run into the bug."""
        erring.met(self.project, self.state_dir, f"foureyes.{_module(BUG.file)}:{BUG.place}", "")

    def forge(self, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
        """Run `foureyes forge` of the checkout itself."""
        path = {"PYTHONPATH": str(self.project), "PYTHONSAFEPATH": "1"}
        return subprocess.run(
            command("forge", *arguments, "--state-dir", str(self.state_dir)),
            env=environment(**path, **extra),
            cwd=os.sep,
            capture_output=True,
            text=True,
            timeout=120,
            check=False,
        )

    @property
    def case(self) -> Case:
        """The case of the bug."""
        with Spool(spool_file(self.state_dir)) as spool:
            return Cases(spool).all()[0]

    @property
    def patch(self) -> Path:
        """Where its fix is left."""
        return self.state_dir / "errors" / "cases" / self.case.id / "fix.patch"

    @property
    def text(self) -> str:
        """The file with the bug, as it is now."""
        return (self.project / FILE).read_text("utf-8")

    def propose(self, patch: str) -> None:
        """Leave a fix beside the case."""
        self.patch.parent.mkdir(parents=True, exist_ok=True)
        self.patch.write_text(patch, encoding="utf-8")

    def audit(self) -> list[tuple[str, str]]:
        """What was done, and its details."""
        with Spool(spool_file(self.state_dir)) as spool, spool.reading() as connection:
            rows = connection.execute("SELECT what, details FROM audit ORDER BY sequence").fetchall()
        return [(row["what"], row["details"]) for row in rows]


def as_case(done: subprocess.CompletedProcess[str]) -> Case:
    """The case that a command printed as JSON."""
    return Case.model_validate(json.loads(done.stdout))


def _module(file: str) -> str:
    return file.removesuffix(".py").replace("/", ".")
