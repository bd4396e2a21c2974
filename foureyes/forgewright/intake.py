"""The intake: looks at the groups that changed, and opens a case where there is to be one."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import replace
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from foureyes.config.triage import Triage
from foureyes.errors.event_id import EventIds
from foureyes.errors.group import Group, Status
from foureyes.errors.page import one_line
from foureyes.errors.plain import stamp
from foureyes.errors.spool import Spool, document_of
from foureyes.forgewright.case import Case, CaseState
from foureyes.forgewright.cases import REVISION_NOTE, Cases
from foureyes.forgewright.decisions import RECURRING, Decisions
from foureyes.forgewright.patterns import Pattern, detected, strategy_of
from foureyes.forgewright.priority import priority_of
from foureyes.forgewright.sighting import Sighting, sighted
from foureyes.forgewright.triggers import Trigger, trigger_of
from foureyes.telemetry.log import event

_SUMMARY_CHARS = 300
_RAISED_FROM = {"cause", "member"}

Suppressed = Callable[[str, str], None]
"""Counts what triage left out: a reason, and what."""


class Intake:
    """Reads one spool; not for two at a time."""

    def __init__(
        self,
        spool: Spool,
        settings: Triage,
        state_dir: Path,
        *,
        suppressed: Suppressed,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._spool = spool
        self._cases = Cases(spool)
        self._decisions = Decisions(spool, settings, utcnow)
        self._settings = settings
        self._state_dir = state_dir
        self._suppressed = suppressed
        self._utcnow = utcnow
        self._ids = EventIds()

    def look(self) -> list[Case]:
        """Look at every group that changed since the last look; the cases that this opened."""
        opened: list[Case] = []
        regressed: list[Group] = []
        seen: list[datetime] = []
        revision = int(self._spool.note(REVISION_NOTE) or 0)
        while groups := self._spool.groups_changed_since(revision):
            revision = groups[-1].revision
            opened += self._look_at(groups, revision)
            regressed += [group for group in groups if group.status is Status.REGRESSED]
            seen.append(max(group.last_seen for group in groups))
        if seen:
            self._decisions.take(regressed, max(seen))
        return opened

    def _look_at(self, groups: list[Group], revision: int) -> list[Case]:
        sightings, opened = [], []
        for group in groups:
            before = self._cases.sighting(group.fingerprint)
            if before is not None and before.last_count == group.count:
                continue  # only what is said of it has changed
            kind = before.kind if before is not None and before.kind else self._kind(group)
            sightings.append(replace(sighted(before, group, self._settings.window_s), kind=kind))
            if case := self._case_of(group, sightings[-1]):
                opened.append(case)
        self._cases.keep_look(opened, sightings, revision)
        for case in opened:
            text = f"case {case.id} ({case.priority}, {case.trigger}): {case.summary}"
            event("triage.case", text, case=case.id, priority=str(case.priority), trigger=str(case.trigger))
        return opened

    def _case_of(self, group: Group, sighting: Sighting) -> Case | None:
        components = self._components(group)
        trigger = trigger_of(group, sighting.failures, components, self._settings)
        if trigger is None:
            return None
        last = self._cases.last_of(group.fingerprint)
        if reason := left_out(group, last, self._utcnow(), self._settings):
            self._suppressed(reason, group.fingerprint)
            return None
        return self._opened(group, trigger, sighting.failures, components)

    def _opened(self, group: Group, trigger: Trigger, failures: int, components: int) -> Case:
        pattern = self._pattern(group)
        show = ("foureyes", "errors", "show", group.fingerprint, "--state-dir", str(self._state_dir))
        return Case(
            id=self._ids.next(),
            error_id=group.last_event,
            fingerprint=group.fingerprint,
            trigger=trigger,
            priority=priority_of(group.severity, failures, components),
            bug_class=group.bug_class,
            pattern=pattern.name if pattern else None,
            strategy=RECURRING if group.status is Status.REGRESSED else strategy_of(pattern),
            summary=one_line(f"{group.component}: {group.type}: {group.message}", _SUMMARY_CHARS),
            how_to_run=(show,),
            created_at=self._utcnow(),
        )

    def _pattern(self, group: Group) -> Pattern | None:
        return detected(group.type, self._causes(group), group.message)

    def _kind(self, group: Group) -> str:
        pattern = self._pattern(group)
        return group.type if pattern is None else pattern.name

    def _components(self, group: Group) -> int:
        """In how many components this type of fault was seen of late."""
        since = stamp(group.last_seen - timedelta(seconds=self._settings.window_s))
        query = "SELECT count(DISTINCT component) FROM groups WHERE type = ? AND last_seen >= ?"
        with self._spool.reading() as connection:
            return int(connection.execute(query, (group.type, since)).fetchone()[0])

    def _causes(self, group: Group) -> list[str]:
        """The types that the group's last event was raised from, nearest first."""
        query = "SELECT document, resolved_at FROM events WHERE id = ?"
        with self._spool.reading() as connection:
            row = connection.execute(query, (group.last_event,)).fetchone()
        chain = [] if row is None else document_of(row)["chain"]
        return [str(link["type"]) for link in chain if _is_cause(link)]


def left_out(group: Group, last: Case | None, now: datetime, settings: Triage) -> str | None:
    """Why a group that is due gets no case; None where it gets one. A group has one, until its fault is back."""
    if group.status is Status.MUTED:
        return "muted"
    if last is None:
        return None
    was_dealt_with = last.state is CaseState.APPLIED or last.handed_over_at is not None
    if group.status is not Status.REGRESSED or not was_dealt_with:
        return "once"
    return "cooldown" if now - last.created_at < timedelta(seconds=settings.cooldown_s) else None


def _is_cause(link: Any) -> bool:
    """The chain of a document that was cut may hold a mark instead of a link."""
    return isinstance(link, Mapping) and link.get("relation") in _RAISED_FROM
