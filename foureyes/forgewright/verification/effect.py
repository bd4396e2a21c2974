"""What becomes of a fault whose fix was applied: resolved once the mended code runs, regressed if it is back."""

from __future__ import annotations

from datetime import datetime

from foureyes.errors.fault import BEGAN_AT
from foureyes.errors.group import Group, Status
from foureyes.errors.plain import moment
from foureyes.errors.queries import event
from foureyes.errors.spool import Spool
from foureyes.forgewright.case import CaseState
from foureyes.forgewright.cases import Cases

_OPEN = {Status.NEW, Status.TRIAGED}


def settle(spool: Spool, began_at: datetime, now: datetime) -> None:
    """Look at every group whose fix was applied; `began_at` is when this process, with its code, began.

    A process that began before the fix was applied has the old code: its faults say nothing of the fix.
    """
    cases = Cases(spool)
    for case in cases.all([CaseState.APPLIED]):
        group = spool.group(case.fingerprint)
        if group is None or group.status not in _OPEN or case.applied_at is None:
            continue
        if cases.last_of(case.fingerprint) != case:
            continue
        if _code_began_at(spool, group) > case.applied_at:
            spool.regress(group.fingerprint, case.applied_at, now)
        elif began_at > case.applied_at:
            spool.resolve(group.fingerprint, now)


def _code_began_at(spool: Spool, group: Group) -> datetime:
    """When the process began that met the fault last, as far as its event says so."""
    document = event(spool, group.last_event) or {}
    context = document.get("context")
    began_at = context.get(BEGAN_AT) if isinstance(context, dict) else None  # a document that was cut has a mark
    said = began_at or document.get("at")
    return moment(said) if said else group.first_seen
