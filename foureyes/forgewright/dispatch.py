"""The dispatch: hands over what is due, within the limits."""

from __future__ import annotations

import asyncio
import contextlib
import json
import shutil
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from foureyes.backoff import backoff_s
from foureyes.config.triage import Triage
from foureyes.errors.group import Group, Status
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import HandOverError
from foureyes.forgewright.case import WAITING, Case, CaseState, task_of
from foureyes.forgewright.cases import Cases
from foureyes.forgewright.handover.target import Target
from foureyes.forgewright.intake import Suppressed
from foureyes.redaction import redact_text
from foureyes.telemetry.log import event
from foureyes.whole_file import write_whole

RESOLVED = "resolved"
"""Why a case was closed that nobody needs any more."""
_DAY = timedelta(days=1)
_LONGEST_WAIT_S = 86_400.0
_LIMIT, _FAILED = "daily_limit", "failed"


def case_folder(state_dir: Path, case_id: str) -> Path:
    """Where the files of a case are. The id is ours, never text of a fault."""
    return _cases_folder(state_dir) / case_id


def _cases_folder(state_dir: Path) -> Path:
    return state_dir / "errors" / "cases"


class Dispatch:
    """Hands the cases of one state folder to its targets; not for two at a time."""

    def __init__(
        self,
        state_dir: Path,
        settings: Triage,
        targets: Sequence[Target],
        *,
        suppressed: Suppressed,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._state_dir = state_dir
        self._settings = settings
        self._targets = targets
        self._suppressed = suppressed
        self._utcnow = utcnow

    async def hand_over(self, *, patient: bool = True) -> list[Case]:
        """Hand over what is due, the most urgent first; each case that was tried, as it is now.

        Who is not patient does not wait for the next attempt at what failed.
        """
        if not self._targets:
            return []
        due = await asyncio.to_thread(self._due, patient=patient)
        return [await self._delivered(case) for case in due]

    def remove_old(self) -> None:
        """Remove the files of old cases. The cases stay: their groups have had theirs."""
        oldest_s = (self._utcnow() - timedelta(days=self._settings.keep_days)).timestamp()
        with contextlib.suppress(OSError):  # none was ever written, or one cannot go now: next time
            for folder in _cases_folder(self._state_dir).iterdir():
                if folder.stat().st_mtime < oldest_s:
                    shutil.rmtree(folder)

    def _due(self, *, patient: bool) -> list[Case]:
        """What is to be handed over now. What some have already got is finished beyond the limit of a day."""
        with self._spool() as spool:
            cases = Cases(spool)
            waiting = [(case, spool.group(case.fingerprint)) for case in cases.all(WAITING)]
            cases.change_each((case for case, group in waiting if _is_resolved(group)), _closed)
            due = [case for case, group in waiting if self._is_due(case, group, patient=patient)]
            due.sort(key=lambda case: (case.handed_over_at is None, case.priority.rank, case.id))
            left = max(0, self._settings.most_a_day - len(cases.handed_over_since(self._utcnow() - _DAY)))
            left += sum(case.handed_over_at is not None for case in due)
            self._hold_back(cases, due[left:])
        return due[:left]

    def _is_due(self, case: Case, group: Group | None, *, patient: bool) -> bool:
        if group is not None and group.status in {Status.RESOLVED, Status.MUTED}:
            return False
        if patient and self._waits_for_reproduction(case):
            return False
        if case.tried_at is None or not patient:
            return True
        wait_s = backoff_s(case.attempts, first_s=self._settings.retry_s, cap_s=_LONGEST_WAIT_S, jitter=0)
        waited = self._utcnow() - case.tried_at >= timedelta(seconds=wait_s)
        return waited and case.attempts < self._settings.attempts

    def _waits_for_reproduction(self, case: Case) -> bool:
        """Whether it is worth while: a maker that is broken or busy does not hold up a hand-over for long."""
        settings = self._settings.reproduction
        age = self._utcnow() - case.created_at
        return (
            settings.enabled and case.reproduction is None and age < timedelta(seconds=settings.hand_over_after_s)
        )

    def _hold_back(self, cases: Cases, due: Sequence[Case]) -> None:
        """Have cases wait for another day, and count each once."""
        told = [case for case in due if case.held_back != _LIMIT]
        for case in cases.change_each(told, lambda now: now.changed(held_back=_LIMIT)):
            self._suppressed(_LIMIT, case.fingerprint)

    async def _delivered(self, case: Case) -> Case:
        """Hand a case to each target that has not got it, and note at once who has."""
        try:
            case_file = await asyncio.to_thread(self._written, case)
        except HandOverError as error:
            return await asyncio.to_thread(self._failed, case, [error])
        failures = []
        for target in self._targets:
            if target.name in case.delivered_to:
                continue
            try:
                await target.deliver(case.id, case_file)
            except HandOverError as error:
                failures.append(error)
            else:
                case = await asyncio.to_thread(self._note_delivery, case, target.name)
        if failures:
            return await asyncio.to_thread(self._failed, case, failures)
        return await asyncio.to_thread(self._handed_over, case)

    def _written(self, case: Case) -> Path:
        folder = case_folder(self._state_dir, case.id)
        try:
            write_whole(folder / "case.json", _as_json(task_of(case, folder)))
        except OSError as error:
            raise HandOverError(f"{folder} cannot be written: {error.strerror or error}") from error
        return folder / "case.json"

    def _handed_over(self, case: Case) -> Case:
        with self._spool() as spool:
            case = Cases(spool).change(case, _handed_over)
            group = spool.group(case.fingerprint)
            if group is not None and group.status in {Status.NEW, Status.REGRESSED}:
                spool.triage(case.fingerprint, self._utcnow())
            self._tell(spool, case, f"handed to {', '.join(case.delivered_to)}")
        return case

    def _failed(self, case: Case, failures: Sequence[HandOverError]) -> Case:
        """Keep why, for the next attempt. What some have counts once the others were tried often enough."""
        trouble = redact_text("; ".join(str(failure) for failure in failures))
        attempts, at = case.attempts + 1, self._utcnow()
        gives_up = attempts >= self._settings.attempts
        level = "error" if gives_up else "warning" if attempts == 1 else "debug"
        text = f"case {case.id} could not be handed over: {trouble}"
        event("triage.hand_over_failed", text, level=level, case=case.id, attempts=attempts)
        why = {"trouble": trouble, "held_back": _FAILED if gives_up else None}
        with self._spool() as spool:
            change = Cases(spool).change
            case = change(case, lambda now: now.changed(attempts=attempts, tried_at=at, **why))
        if gives_up and case.delivered_to:
            return self._handed_over(case)
        if gives_up:
            self._suppressed(_FAILED, case.fingerprint)
        return case

    def _note_delivery(self, case: Case, target: str) -> Case:
        with self._spool() as spool:
            return Cases(spool).change(case, lambda now: now.delivered(target, self._utcnow()))

    def _tell(self, spool: Spool, case: Case, text: str) -> None:
        spool.audit(self._utcnow(), f"case {case.state}", case.id, text)
        event("triage.state", f"case {case.id}: {text}", case=case.id, state=str(case.state))

    def _spool(self) -> Spool:
        """Opened anew each time: one that was damaged is set aside, and another takes its place."""
        return Spool(spool_file(self._state_dir))


def _is_resolved(group: Group | None) -> bool:
    return group is not None and group.status is Status.RESOLVED


def _closed(case: Case) -> Case:
    return case.moved(CaseState.REJECTED).changed(held_back=RESOLVED)


def _handed_over(case: Case) -> Case:
    """A case that a person moved on meanwhile stays what it is."""
    state = CaseState.HANDED_OVER
    return case.moved(state).changed(held_back=None) if case.state in WAITING else case


def _as_json(document: dict[str, Any]) -> bytes:
    return json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False).encode()
