"""What a person decides of a verified fix: to apply it to the project, to reject it, or to take it back."""

from __future__ import annotations

import hashlib
import tempfile
from collections.abc import Callable, Iterable
from datetime import datetime
from pathlib import Path

from foureyes.config.triage import Triage
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import ApprovalError, CaseStateError
from foureyes.forgewright.case import PATCH, Case, CaseState
from foureyes.forgewright.cases import Cases
from foureyes.forgewright.claim import claimed
from foureyes.forgewright.dispatch import case_folder
from foureyes.forgewright.verification.fixes import WORK, work_lock
from foureyes.forgewright.verification.patch import Change, changes_of, read_patch
from foureyes.forgewright.verification.project import Project, project_of
from foureyes.forgewright.verification.replacement import replace_files
from foureyes.telemetry.log import event

BACKUP = "before"
"""Beside the case file: the files as they were before the fix."""
AFTER = "after"
"""Likewise, as they were before the fix was taken back."""
_MOST_DETAILS = 4000


class Approval:
    """The decisions of one person (`who`) on the cases of one state folder."""

    def __init__(self, state_dir: Path, settings: Triage, who: str, *, utcnow: Callable[[], datetime]) -> None:
        self._state_dir = state_dir
        self._settings = settings
        self._who = who
        self._utcnow = utcnow

    async def approve(self, name: str) -> Case:
        """Apply to the project exactly the fix that was verified.

        Raises UnknownFaultError, ApprovalError, CaseStateError, or PatchRefusedError where it does not fit (any
        more): nothing is changed then; StateFolderBusyError while another is verified.
        """
        with claimed(work_lock(self._state_dir), WORK):
            case = self._found(name)
            if case.state not in {CaseState.VERIFIED, CaseState.APPROVED}:
                raise ApprovalError(f"case {case.id} is {case.state}: only a verified fix can be approved")
            changes = await self._changes(case, reverse=False)
            case = self._moved(case, CaseState.APPROVED, "", approved_by=self._who)
            replace_files(self._project().root, changes, self._folder(case) / BACKUP)
            try:
                return self._moved(case, CaseState.APPLIED, _details(changes), applied_at=self._utcnow())
            except CaseStateError:  # it was rejected in this moment
                undone = [Change(each.path, each.after, each.before) for each in changes]
                replace_files(self._project().root, undone, self._folder(case) / AFTER)
                raise

    async def take_back(self, name: str, why: str) -> Case:
        """Undo an applied fix, as far as its files are as it left them. Raises as `approve` does."""
        with claimed(work_lock(self._state_dir), WORK):
            case = self._found(name)
            if case.state is not CaseState.APPLIED:
                raise ApprovalError(f"case {case.id} is {case.state}: only an applied fix can be taken back")
            changes = await self._changes(case, reverse=True)
            replace_files(self._project().root, changes, self._folder(case) / AFTER)
            text = f"taken back: {why}"
            return self._moved(case, CaseState.REJECTED, f"{text}; {_details(changes)}", rejected_why=text)

    def reject(self, name: str, why: str) -> Case:
        """Reject a case or the fix that is proposed for it; a better fix may come. Raises CaseStateError."""
        case = self._found(name)
        if case.state is CaseState.APPLIED:
            raise ApprovalError(f"case {case.id} is applied: `foureyes forge undo` takes it back")
        return self._moved(case, CaseState.REJECTED, why, rejected_why=why)

    async def _changes(self, case: Case, *, reverse: bool) -> list[Change]:
        """What the verified patch of a case makes of the project now."""
        project, found = self._project(), case.verification
        project.check_writable()
        patch = read_patch(self._folder(case) / PATCH)
        if found is None or patch.sha256 != found.patch_sha256:
            raise ApprovalError(f"the fix of case {case.id} is not the one that was verified: verify it again")
        if found.project != str(project.root):
            raise ApprovalError(f"the fix of case {case.id} was verified in {found.project}: verify it again")
        with tempfile.TemporaryDirectory(prefix="foureyes-") as scratch:
            return await changes_of(patch, project.root, Path(scratch), reverse=reverse)

    def _moved(self, case: Case, state: CaseState, details: str, **values: object) -> Case:
        """The case in its next state, with who brought it there in the audit."""
        with Spool(spool_file(self._state_dir)) as spool:
            case = Cases(spool).change(case, lambda now: _at(now, state).changed(**values))
            text = f"by {self._who}: {details}"[:_MOST_DETAILS]
            spool.audit(self._utcnow(), f"case {state}", case.id, text)
        event("triage.state", f"case {case.id} is {state}, {text}", case=case.id, state=str(state))
        return case

    def _found(self, name: str) -> Case:
        with Spool(spool_file(self._state_dir)) as spool:
            return Cases(spool).find(name)

    def _folder(self, case: Case) -> Path:
        return case_folder(self._state_dir, case.id)

    def _project(self) -> Project:
        return project_of(self._settings.project)


def _at(case: Case, state: CaseState) -> Case:
    return case if case.state is state else case.moved(state)


def _details(changes: Iterable[Change]) -> str:
    return "; ".join(f"{each.path} {_digest(each.before)} -> {_digest(each.after)}" for each in changes)


def _digest(data: bytes | None) -> str:
    return "nothing" if data is None else f"sha256 {hashlib.sha256(data).hexdigest()[:16]}"
