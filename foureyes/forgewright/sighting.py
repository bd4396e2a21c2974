"""How often a group was seen in the present window of time, from its counts alone."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timedelta

from foureyes.errors.group import Group


@dataclass(frozen=True)
class Sighting:
    """What triage remembers of a group: where its present window began, and the counts then and now."""

    fingerprint: str
    began_at: datetime
    count_before: int
    last_count: int
    kind: str | None = None
    """Its failure pattern, or where none is known its type."""

    @property
    def failures(self) -> int:
        """How often it was seen in the window."""
        return self.last_count - self.count_before


def sighted(before: Sighting | None, group: Group, window_s: float) -> Sighting:
    """What is known once a group was looked at: a window goes on, or a new one begins with what is new.

    Of a group that was never looked at and is older than a window, only the last fault is surely inside one.
    """
    window = timedelta(seconds=window_s)
    if before is not None and group.last_seen - before.began_at <= window:
        return Sighting(group.fingerprint, before.began_at, before.count_before, group.count)
    if before is not None:
        return Sighting(group.fingerprint, group.last_seen, before.last_count, group.count)
    if group.last_seen - group.first_seen <= window:
        return Sighting(group.fingerprint, group.first_seen, 0, group.count)
    return Sighting(group.fingerprint, group.last_seen, group.count - 1, group.count)
