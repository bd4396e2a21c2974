"""Decisions: what is to be done of a failure that is more than one fault, each taken once and kept."""

from __future__ import annotations

import platform
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from pydantic import BaseModel, ConfigDict

from foureyes.config.triage import Triage
from foureyes.errors.event_id import EventIds
from foureyes.errors.group import Group, Status
from foureyes.errors.plain import stamp
from foureyes.errors.spool import Spool, group_of
from foureyes.forgewright.cases import Cases
from foureyes.forgewright.patterns import PATTERNS, Strategy, strategy_of
from foureyes.telemetry.log import event

RECURRING = Strategy.MANUAL
"""A fault that a fix did not mend is for a person."""
_MOST_GROUPS = 50
_OF_KIND = (
    "SELECT groups.* FROM groups JOIN sightings USING (fingerprint) "
    "WHERE kind = ? AND last_seen >= ? AND status != ? ORDER BY last_seen DESC"
)
_SPREAD = (
    "SELECT kind FROM groups JOIN sightings USING (fingerprint) WHERE last_seen >= ? AND status != ? "
    "GROUP BY kind HAVING count(DISTINCT component) >= ?"
)


class Why(StrEnum):
    """What there is to be decided about."""

    SPANS_COMPONENTS = "spans components"
    RECURS_AFTER_FIX = "recurs after a fix"


class Decision(BaseModel):
    """One decision. What it says of faults is data, redacted already."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    id: str
    at: datetime
    machine: str
    why: Why
    pattern: str
    """The failure pattern, or where none is known the exception's type."""
    bug_classes: tuple[str, ...]
    groups: tuple[str, ...]
    components: tuple[str, ...]
    faults: int
    """How often the groups were seen."""
    strategy: Strategy
    decided: str
    """A sentence."""
    cases: tuple[str, ...]
    evidence: tuple[str, ...]
    """The last fault event of each group."""


def all_decisions(spool: Spool) -> list[Decision]:
    """The decisions of one spool, the oldest first."""
    with spool.reading() as connection:
        rows = connection.execute("SELECT document FROM decisions ORDER BY id").fetchall()
    return [Decision.model_validate_json(row["document"]) for row in rows]


class Decisions:
    """Takes the decisions of one spool."""

    def __init__(self, spool: Spool, settings: Triage, utcnow: Callable[[], datetime]) -> None:
        self._spool = spool
        self._settings = settings
        self._utcnow = utcnow
        self._ids = EventIds()

    def take(self, regressed: Sequence[Group], newest: datetime) -> list[Decision]:
        """Decide what there is to be decided, once for each pattern that spreads and each fix that did not hold.

        `regressed` are groups that are back, `newest` is when a fault was seen last.
        """
        since = newest - timedelta(seconds=self._settings.window_s)
        taken = [self._of_spread(kind, since) for kind in self._spreading(since)]
        taken += [self._of_return(group) for group in regressed]
        return [decision for decision in taken if decision is not None]

    def _spreading(self, since: datetime) -> list[str]:
        values = stamp(since), Status.MUTED, self._settings.components
        with self._spool.reading() as connection:
            return [str(row["kind"]) for row in connection.execute(_SPREAD, values)]

    def _of_spread(self, kind: str, since: datetime) -> Decision | None:
        with self._spool.reading() as connection:
            rows = connection.execute(_OF_KIND, (kind, stamp(since), Status.MUTED)).fetchall()
        groups = [group_of(row) for row in rows]
        components = len({group.component for group in groups})
        strategy = strategy_of(next((pattern for pattern in PATTERNS if pattern.name == kind), None))
        decided = (
            f"{kind} was seen in {components} components within {self._settings.window_s:g} s: what they share is "
            f"looked at, once, instead of each component; until then {strategy}"
        )
        return self._kept(f"spread {kind}", Why.SPANS_COMPONENTS, kind, groups, strategy, decided)

    def _of_return(self, group: Group) -> Decision | None:
        mended_at = stamp(group.resolved_at) if group.resolved_at else "unknown"
        sighting = Cases(self._spool).sighting(group.fingerprint)
        kind = (sighting and sighting.kind) or group.type
        decided = (
            f"the fault was mended at {mended_at} and is back: the fix did not reach its cause, which a person "
            "looks at before another fix is tried"
        )
        cause = f"return {group.fingerprint} {mended_at}"
        return self._kept(cause, Why.RECURS_AFTER_FIX, kind, [group], RECURRING, decided)

    def _kept(
        self, cause: str, why: Why, pattern: str, groups: Sequence[Group], strategy: Strategy, decided: str
    ) -> Decision | None:
        """Keep a decision; None where it was taken before."""
        if self._is_taken(cause):
            return None
        shown = groups[:_MOST_GROUPS]
        cases = [case for group in shown if (case := Cases(self._spool).last_of(group.fingerprint))]
        decision = Decision(
            id=self._ids.next(),
            at=self._utcnow(),
            machine=platform.node(),
            why=why,
            pattern=pattern,
            bug_classes=tuple(sorted({group.bug_class for group in groups})),
            groups=tuple(group.fingerprint for group in shown),
            components=tuple(sorted({group.component for group in groups})[:_MOST_GROUPS]),
            faults=sum(group.count for group in groups),
            strategy=strategy,
            decided=decided,
            cases=tuple(case.id for case in cases),
            evidence=tuple(group.last_event for group in shown),
        )
        with self._spool.writing() as connection:
            connection.execute(
                "INSERT OR IGNORE INTO decisions (id, cause, document) VALUES (?, ?, ?)",
                (decision.id, cause, decision.model_dump_json()),
            )
        event("triage.decision", f"{why}: {decided}", decision=decision.id, pattern=pattern)
        return decision

    def _is_taken(self, cause: str) -> bool:
        with self._spool.reading() as connection:
            return connection.execute("SELECT 1 FROM decisions WHERE cause = ?", (cause,)).fetchone() is not None
