"""A case: a fault that somebody is to mend, where it stands, and what it may become."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum
from pathlib import Path
from typing import Any

from pydantic import BaseModel, ConfigDict

from foureyes.exceptions import CaseStateError
from foureyes.forgewright.patterns import Strategy
from foureyes.forgewright.priority import Priority
from foureyes.forgewright.reproduction.verdict import Verdict
from foureyes.forgewright.triggers import Trigger
from foureyes.forgewright.verification.result import Verification


class CaseState(StrEnum):
    """Where a case stands."""

    NEW = "new"
    PLATFORM_READY = "platform ready"
    HANDED_OVER = "handed over"
    FIX_PROPOSED = "fix proposed"
    VERIFIED = "verified"
    APPROVED = "approved"
    APPLIED = "applied"
    REJECTED = "rejected"


NEXT: dict[CaseState, frozenset[CaseState]] = {
    CaseState.NEW: frozenset(
        {CaseState.PLATFORM_READY, CaseState.HANDED_OVER, CaseState.FIX_PROPOSED, CaseState.REJECTED}
    ),
    CaseState.PLATFORM_READY: frozenset({CaseState.HANDED_OVER, CaseState.FIX_PROPOSED, CaseState.REJECTED}),
    CaseState.HANDED_OVER: frozenset({CaseState.FIX_PROPOSED, CaseState.REJECTED}),
    CaseState.FIX_PROPOSED: frozenset({CaseState.VERIFIED, CaseState.REJECTED}),
    CaseState.VERIFIED: frozenset({CaseState.APPROVED, CaseState.REJECTED, CaseState.FIX_PROPOSED}),
    CaseState.APPROVED: frozenset({CaseState.APPLIED, CaseState.REJECTED, CaseState.FIX_PROPOSED}),
    CaseState.APPLIED: frozenset({CaseState.REJECTED}),  # taken back
    CaseState.REJECTED: frozenset({CaseState.FIX_PROPOSED}),  # a better one
}
WAITING = (CaseState.NEW, CaseState.PLATFORM_READY)
"""Nobody has it yet."""
PATCH = "fix.patch"
"""The fix, beside the case file."""


class Case(BaseModel):
    """One case. What it says of an exception is data, redacted already."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    error_id: str
    """The fault event that it began with."""
    fingerprint: str
    trigger: Trigger
    priority: Priority
    bug_class: str
    pattern: str | None
    strategy: Strategy
    summary: str
    how_to_run: tuple[tuple[str, ...], ...]
    """Commands, as lists of arguments."""
    created_at: datetime
    platform_path: str | None = None
    """The reproduction; none until there is one."""
    reproduction: Verdict | None = None
    """What it showed when it was made."""
    state: CaseState = CaseState.NEW
    delivered_to: tuple[str, ...] = ()
    handed_over_at: datetime | None = None
    attempts: int = 0
    """Hand-overs that failed."""
    tried_at: datetime | None = None
    trouble: str | None = None
    """Why the last hand-over failed."""
    held_back: str | None = None
    """Why it is not handed over now."""
    patch_mark: str | None = None
    """Tells the fix that was noticed last from a later one."""
    verification: Verification | None = None
    """The last one, of the fix that is proposed."""
    rejected_why: str | None = None
    approved_by: str | None = None
    applied_at: datetime | None = None

    def changed(self, **values: Any) -> Case:
        """The case with other values; its state changes by `moved` alone."""
        return self.model_copy(update=values)

    def delivered(self, target: str, at: datetime) -> Case:
        """The case once this target has it, the first one at `at`."""
        has_it = (*self.delivered_to, target)
        return self.changed(delivered_to=has_it, handed_over_at=self.handed_over_at or at)

    def proposing(self) -> Case:
        """The case with a fix proposed for it, the first one or another. Raises CaseStateError."""
        return self if self.state is CaseState.FIX_PROPOSED else self.moved(CaseState.FIX_PROPOSED)

    def moved(self, state: CaseState) -> Case:
        """The case in another state. Raises CaseStateError where it cannot become that."""
        if state not in NEXT[self.state]:
            allowed = ", ".join(sorted(NEXT[self.state])) or "nothing else"
            raise CaseStateError(f"case {self.id} is {self.state} and cannot become {state}, only {allowed}")
        return self.model_copy(update={"state": state})


def task_of(case: Case, folder: Path) -> dict[str, Any]:
    """What whom a case is handed to gets of it, as JSON values; a fix is looked for at `patch_path`."""
    wanted = {
        "id", "error_id", "fingerprint", "trigger", "priority", "bug_class", "pattern", "strategy", "summary",
        "how_to_run", "platform_path", "reproduction", "created_at",
    }  # fmt: skip
    return {**case.model_dump(mode="json", include=wanted), "patch_path": str(folder / PATCH)}
