"""One verification of one patch: step by step in a copy of the project, until a step fails."""

from __future__ import annotations

import asyncio
import os
import shutil
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Protocol

from foureyes.config.triage import Triage
from foureyes.exceptions import ApprovalError, PatchRefusedError, VerificationError
from foureyes.forgewright.reproduction.verdict import Outcome as Seen
from foureyes.forgewright.reproduction.verdict import Verdict
from foureyes.forgewright.verification.patch import Change, Patch, changes_of, read_patch
from foureyes.forgewright.verification.project import Copying, Project, program_of, project_of
from foureyes.forgewright.verification.replacement import replace_files
from foureyes.forgewright.verification.result import Outcome, Step, Verification
from foureyes.redaction import redact_text
from foureyes.servers.process import program

_SHOWN_CHARS = 4000


class Reproduce(Protocol):
    """Runs a reproduction with the package in a folder."""

    def __call__(self, test_file: Path, *, package_root: Path) -> Awaitable[Verdict]:
        """Run it; its failures are verdicts."""
        ...


OnStep = Callable[[Step], None]


@dataclass(frozen=True)
class Shown:
    """What a step showed."""

    said: str
    outcome: Outcome = Outcome.VERIFIED
    output: str = ""


@dataclass
class Attempt:
    """Verifies the patch in `patch_file` in `folder`, which is made for it and gone behind it."""

    patch_file: Path
    test_file: Path | None
    """The reproduction; None where the case has none."""
    folder: Path
    state_dir: Path
    settings: Triage
    reproduce: Reproduce
    on_step: OnStep = lambda _step: None
    now_s: Callable[[], float] = time.monotonic
    _steps: list[Step] = field(default_factory=list)
    _patch: Patch | None = None
    _project: Project | None = None
    _changes: list[Change] = field(default_factory=list)

    async def run(self, at: datetime) -> Verification:
        """Go through the steps. What stops one of them is a result, not an error."""
        began_s = self.now_s()
        try:
            await asyncio.to_thread(_emptied, self.folder)
            shown = await self._through()
        finally:
            await asyncio.to_thread(shutil.rmtree, self.folder, ignore_errors=True)
        return Verification(
            at=at,
            outcome=shown.outcome,
            reason=shown.said,
            patch_sha256=self._patch.sha256 if self._patch else None,
            files=tuple(str(change.path) for change in self._changes),
            project=str(self._project.root) if self._project else None,
            steps=tuple(self._steps),
            seconds=round(self.now_s() - began_s, 3),
        )

    async def _through(self) -> Shown:
        shown = Shown("no step was taken", Outcome.UNDECIDED)
        for name, step in {
            "patch": self._look_at_patch,
            "copy": self._copy,
            "red before": self._red_before,
            "apply": self._apply,
            "green after": self._green_after,
            "verify_command": self._project_tests,
        }.items():
            shown = await self._taken(name, step)
            if shown.outcome is not Outcome.VERIFIED:
                break
        return shown

    async def _taken(self, name: str, step: Callable[[], Awaitable[Shown]]) -> Shown:
        began_s = self.now_s()
        try:
            shown = await step()
        except PatchRefusedError as error:
            shown = Shown(redact_text(str(error)), Outcome.REJECTED)
        except (VerificationError, OSError) as error:
            shown = Shown(redact_text(str(error)), Outcome.UNDECIDED)
        ok, seconds = shown.outcome is Outcome.VERIFIED, round(self.now_s() - began_s, 3)
        self._steps.append(Step(name=name, ok=ok, said=shown.said, seconds=seconds, output=shown.output))
        self.on_step(self._steps[-1])
        return shown

    async def _look_at_patch(self) -> Shown:
        self._project = await asyncio.to_thread(project_of, self.settings.project)
        self._patch = await asyncio.to_thread(read_patch, self.patch_file)
        self._changes = await changes_of(self._patch, self._project.root, self.folder)
        if judge := [change for change in self._changes if change.path.is_relative_to(self._project.judge)]:
            raise PatchRefusedError(f"the patch changes what judges it, {judge[0].path}: that is done by hand")
        return Shown(", ".join(str(change.path) for change in self._changes))

    async def _copy(self) -> Shown:
        assert self._project is not None
        copying = Copying(self._project, without=self.state_dir, max_mb=self.settings.project_max_mb)
        work = asyncio.create_task(asyncio.to_thread(copying.run, self._tree), name="copy of the project")
        try:
            await asyncio.shield(work)
        finally:
            copying.stop()
            await asyncio.wait({work})  # a thread cannot be cancelled, and the folder is removed behind us
        if self.settings.verify_command is not None:
            self._program(self.settings.verify_command[0])  # where there is none nothing need be tried
        return Shown(f"of {self._project.root}")

    async def _red_before(self) -> Shown:
        verdict = await self._verdict()
        if verdict.outcome is Seen.REPRODUCED:
            return Shown(str(verdict))
        said = f"the project as it is does not show the fault, so no fix can be seen to mend it: {verdict}"
        return Shown(said, Outcome.UNDECIDED)

    async def _apply(self) -> Shown:
        try:
            await asyncio.to_thread(replace_files, self._tree, self._changes, self.folder / "before")
        except ApprovalError as error:
            raise PatchRefusedError(f"the patch is of files that are no source of the project: {error}") from error
        return Shown(f"{len(self._changes)} files changed in the copy")

    async def _green_after(self) -> Shown:
        verdict = await self._verdict()
        if verdict.is_green:
            return Shown(str(verdict))
        return Shown(f"with the patch the reproduction is not green: {verdict}", Outcome.REJECTED)

    async def _project_tests(self) -> Shown:
        command, output = self.settings.verify_command, bytearray()
        if command is None:
            return Shown("reproduction only: no triage.verify_command is configured")
        limit_s = self.settings.verify_timeout_s
        arguments: list[str | Path] = [self._program(command[0]), *command[1:]]
        try:
            code = await program.run(
                arguments,
                output,
                cwd=self._tree,
                env=self._environment(),
                timeout_s=limit_s,
                bound=program.let_others_first,
            )
        except OSError as error:
            raise VerificationError(f"{command[0]} (triage.verify_command) cannot be started: {error}") from error
        last = program.tail(output, _SHOWN_CHARS)
        if code == 0:
            return Shown("triage.verify_command ended with exit code 0", output=last)
        how = f"exit code {code}"
        if code is program.OUT_OF_TIME:
            how = f"no end within {limit_s:g} s (triage.verify_timeout_s)"
        return Shown(f"triage.verify_command with the patch: {how}", Outcome.REJECTED, last)

    async def _verdict(self) -> Verdict:
        if self.test_file is None:
            raise VerificationError("the case has no reproduction that a fix could turn green")
        return await self.reproduce(self.test_file, package_root=self._packages)

    def _program(self, name: str) -> Path:
        assert self._project is not None
        return program_of(name, self._project, self._tree)

    def _environment(self) -> dict[str, str]:
        """The copy is what is imported, wherever FourEyes is installed as well."""
        ours = program.environment_without_secrets()
        before = [ours["PYTHONPATH"]] if "PYTHONPATH" in ours else []
        return {**ours, "PYTHONPATH": os.pathsep.join([str(self._packages), *before])}

    @property
    def _tree(self) -> Path:
        return self.folder / "project"

    @property
    def _packages(self) -> Path:
        assert self._project is not None
        return self._tree / self._project.source


def _emptied(folder: Path) -> None:
    """Make the folder, without what a process that was killed may have left there."""
    shutil.rmtree(folder, ignore_errors=True)
    folder.mkdir(parents=True, mode=0o700)
