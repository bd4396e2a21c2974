"""The fixes of one state folder: noticed where they are left, and verified one at a time."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

from foureyes.config.triage import Triage
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import PatchRefusedError, StateFolderBusyError
from foureyes.forgewright.case import PATCH, Case, CaseState
from foureyes.forgewright.cases import Cases
from foureyes.forgewright.claim import claimed
from foureyes.forgewright.dispatch import RESOLVED, case_folder
from foureyes.forgewright.reproduction import runner
from foureyes.forgewright.reproduction.limits import Limits
from foureyes.forgewright.verification.attempt import Attempt, OnStep
from foureyes.forgewright.verification.patch import git, mark_of, read_patch
from foureyes.forgewright.verification.project import program_of, project_of
from foureyes.forgewright.verification.result import Outcome, Verification
from foureyes.telemetry.log import event
from foureyes.whole_file import write_whole

WORK = "a verification or an approval"
WAITS = "nothing is applied before `foureyes forge approve`"
_OPEN = {CaseState.HANDED_OVER, CaseState.FIX_PROPOSED, CaseState.REJECTED}
_STATE_OF = {Outcome.VERIFIED: CaseState.VERIFIED, Outcome.REJECTED: CaseState.REJECTED}
"""A fix that could not be judged stays proposed."""


def work_folder(state_dir: Path) -> Path:
    """Where the project is copied to; `claimed` beside it keeps all but one away."""
    return state_dir / "errors" / "verification"


def work_lock(state_dir: Path) -> Path:
    """Held while a fix is verified or applied."""
    return state_dir / "errors" / "verification.lock"


def how_verified(settings: Triage) -> str:
    """How fixes would be verified; nothing is run. Raises VerificationError where they could not be."""
    git()
    project, command = project_of(settings.project), settings.verify_command
    if command is None:
        return f"fixes are verified in a copy of {project.root} by the reproduction alone (triage.verify_command)"
    program_of(command[0], project)
    return f"fixes are verified in a copy of {project.root} by the reproduction and {command[0]}"


class Fixes:
    """What is proposed for the cases of one state folder."""

    def __init__(self, state_dir: Path, settings: Triage, *, utcnow: Callable[[], datetime]) -> None:
        self._state_dir = state_dir
        self._settings = settings
        self._utcnow = utcnow
        limits = Limits(settings.reproduction.timeout_s, settings.reproduction.memory_mb)
        self._reproduce = partial(runner.run, limits=limits)

    def notice(self) -> list[Case]:
        """The cases whose fix has come since the last look, which are now `fix proposed`."""
        with self._spool() as spool:
            cases = Cases(spool)
            recent = cases.handed_over_since(self._utcnow() - timedelta(days=self._settings.keep_days))
            marks = {case.id: mark_of(self._patch_file(case)) for case in recent if _is_open(case)}
            come = [case for case in recent if marks.get(case.id) not in {None, case.patch_mark}]
            moved = cases.change_each(come, lambda now: _proposed(now, marks[now.id]))
            for case in moved:
                self._tell(spool, case, "a fix is proposed: `foureyes forge show` says where it is")
        return moved

    async def verify_proposed(self) -> list[Case]:
        """Verify each fix that was never verified; the cases as they are now. While another verifies, none."""
        proposed = await asyncio.to_thread(self._unverified)
        try:
            return [await self.verify(case.id) for case in proposed]
        except StateFolderBusyError:
            return []  # a person verifies or approves just now

    async def verify(self, name: str, patch: Path | None = None, on_step: OnStep = lambda _step: None) -> Case:
        """Verify the fix of a case, or another one in its place; the case as it is now, with what was found.

        Raises UnknownFaultError, CaseStateError, StateFolderBusyError, or PatchRefusedError without a patch.
        """
        with claimed(work_lock(self._state_dir), WORK):
            case = await asyncio.to_thread(self._begun, name, patch)
            attempt = Attempt(
                patch_file=self._patch_file(case),
                test_file=Path(case.platform_path) if case.platform_path else None,
                folder=work_folder(self._state_dir),
                state_dir=self._state_dir,
                settings=self._settings,
                reproduce=self._reproduce,
                on_step=on_step,
            )
            return await asyncio.to_thread(self._ended, case, await attempt.run(self._utcnow()))

    def _unverified(self) -> list[Case]:
        with self._spool() as spool:
            return [case for case in Cases(spool).all([CaseState.FIX_PROPOSED]) if case.verification is None]

    def _begun(self, name: str, patch: Path | None) -> Case:
        """The case with the fix in its place, about to be verified."""
        with self._spool() as spool:
            case = Cases(spool).find(name)
            case.proposing()
            if patch is not None:
                write_whole(self._patch_file(case), read_patch(patch).data)
            if (mark := mark_of(self._patch_file(case))) is None:
                raise PatchRefusedError(f"nobody has left a fix in {self._patch_file(case)}: give one by --patch")
            return Cases(spool).change(case, lambda now: _proposed(now, mark))

    def _ended(self, case: Case, found: Verification) -> Case:
        with self._spool() as spool:
            case = Cases(spool).change(case, lambda now: _judged(now, found))
            waits = f"; {WAITS}" if case.state is CaseState.VERIFIED else ""
            self._tell(spool, case, f"the fix is {found.outcome}: {found.reason}{waits}")
        return case

    def _patch_file(self, case: Case) -> Path:
        return case_folder(self._state_dir, case.id) / PATCH

    def _tell(self, spool: Spool, case: Case, text: str) -> None:
        spool.audit(self._utcnow(), f"case {case.state}", case.id, text)
        event("triage.state", f"case {case.id}: {text}", case=case.id, state=str(case.state))

    def _spool(self) -> Spool:
        return Spool(spool_file(self._state_dir))


def _is_open(case: Case) -> bool:
    return case.state in _OPEN and case.held_back != RESOLVED


def _proposed(case: Case, mark: str | None) -> Case:
    return case.proposing().changed(patch_mark=mark, verification=None, rejected_why=None)


def _judged(case: Case, found: Verification) -> Case:
    """What a person did to the case meanwhile stays."""
    case = case.changed(verification=found)
    state = _STATE_OF.get(found.outcome)
    return case if state is None or case.state is not CaseState.FIX_PROPOSED else case.moved(state)
