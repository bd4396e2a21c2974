"""What makes a group of faults a case."""

from __future__ import annotations

from enum import StrEnum

from foureyes.config.triage import Triage
from foureyes.errors.bug_class import BugClass
from foureyes.errors.group import Group, Status


class Trigger(StrEnum):
    """Why there is a case."""

    FINAL_INFERENCE_FAILURE = "final_inference_failure"
    SERVER_TIMEOUT = "server_timeout"
    SERVER_CRASH = "server_crash"
    DATE_OVERFLOW = "date_overflow"
    MONGODB_LOST = "mongodb_lost"
    OBS_LOST = "obs_lost"
    REPEATED = "repeated"
    RECURRING_PATTERN = "recurring_pattern"


_AT_ONCE = {
    BugClass.VISION_INFERENCE: Trigger.FINAL_INFERENCE_FAILURE,
    BugClass.SERVER_TIMEOUT: Trigger.SERVER_TIMEOUT,
    BugClass.SERVER_CRASH: Trigger.SERVER_CRASH,
    BugClass.DATE_OVERFLOW: Trigger.DATE_OVERFLOW,
    BugClass.DATABASE: Trigger.MONGODB_LOST,
    BugClass.SOURCE: Trigger.OBS_LOST,
}
"""The classes whose first fault is enough."""
_BY_CLASS: dict[str, Trigger] = {str(name): trigger for name, trigger in _AT_ONCE.items()}


def trigger_of(group: Group, failures: int, components: int, settings: Triage) -> Trigger | None:
    """Why this group is a case now, seen `failures` times in the window and its type in so many components."""
    if group.status is Status.REGRESSED:
        return Trigger.RECURRING_PATTERN
    if group.bug_class in _BY_CLASS:
        return _BY_CLASS[group.bug_class]
    if failures >= settings.failures:
        return Trigger.REPEATED
    if group.count >= settings.recurring or components >= settings.components:
        return Trigger.RECURRING_PATTERN
    return None
