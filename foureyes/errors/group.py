"""A group: all faults with one fingerprint, and the rules of what a further one does to it. Pure functions."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from foureyes.errors.plain import stamp

_FIRST_SAMPLES, _EVERY = frozenset({1, 10, 100}), 1000


class Status(StrEnum):
    """Where a group stands."""

    NEW = "new"
    TRIAGED = "triaged"
    RESOLVED = "resolved"
    REGRESSED = "regressed"
    MUTED = "muted"


@dataclass(frozen=True)
class Group:
    """All faults with one fingerprint."""

    fingerprint: str
    type: str
    message: str
    component: str
    severity: str
    bug_class: str
    first_seen: datetime
    last_seen: datetime
    first_event: str
    last_event: str
    """The last one that was kept in full."""
    count: int = 1
    status: Status = Status.NEW
    resolved_at: datetime | None = None
    muted_until: datetime | None = None
    muted_until_count: int | None = None
    revision: int = 0
    """Grows with every change of any group of the spool: who copies groups asks for those behind the last one."""

    def as_document(self) -> dict[str, Any]:
        """The group as JSON values."""
        return {
            "fingerprint": self.fingerprint,
            "type": self.type,
            "message": self.message,
            "component": self.component,
            "severity": self.severity,
            "bug_class": self.bug_class,
            "status": str(self.status),
            "count": self.count,
            "first_seen": stamp(self.first_seen),
            "last_seen": stamp(self.last_seen),
            "first_event": self.first_event,
            "last_event": self.last_event,
            "resolved_at": stamp(self.resolved_at) if self.resolved_at else None,
            "muted_until": stamp(self.muted_until) if self.muted_until else None,
            "muted_until_count": self.muted_until_count,
        }


def is_sample(number: int) -> bool:
    """Whether the so-manyth event of a storm is kept in full: the 1st, 10th, 100th, 1,000th, every 1,000th."""
    return number in _FIRST_SAMPLES or number % _EVERY == 0


def seen(group: Group, times: int, at: datetime, kept_event: str | None = None) -> Group:
    """The group after it was seen so many times more, the last time at `at`."""
    after = replace(
        group,
        count=group.count + times,
        last_seen=max(group.last_seen, at),
        last_event=kept_event or group.last_event,
    )
    if group.status is Status.RESOLVED and (group.resolved_at is None or at > group.resolved_at):
        return replace(after, status=Status.REGRESSED)
    if group.status is Status.MUTED and not _still_muted(after):
        return replace(after, status=Status.NEW, muted_until=None, muted_until_count=None)
    return after


def _still_muted(group: Group) -> bool:
    if group.muted_until is not None:
        return group.last_seen < group.muted_until
    return group.muted_until_count is not None and group.count < group.muted_until_count


def resolved(group: Group, at: datetime) -> Group:
    """The group once a person says that its fault is mended."""
    return replace(group, status=Status.RESOLVED, resolved_at=at, muted_until=None, muted_until_count=None)


def regressed(group: Group, fixed_at: datetime) -> Group:
    """The group once it was seen although its fault was mended at `fixed_at`."""
    return replace(group, status=Status.REGRESSED, resolved_at=fixed_at)


def muted(group: Group, *, until: datetime | None = None, until_count: int | None = None) -> Group:
    """The group once a person wants to hear of it no more, until a time or until it was seen so many times."""
    return replace(group, status=Status.MUTED, muted_until=until, muted_until_count=until_count)


def triaged(group: Group) -> Group:
    """The group once it was handed to triage."""
    return replace(group, status=Status.TRIAGED)
