"""An alert: one rule's trouble with one subject, and which alert comes of which."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime

from foureyes.alerts.trouble import Trouble
from foureyes.config.alerts import Severity

Key = tuple[str, str]
"""A rule's name and a subject."""


@dataclass
class Alert:
    """From the first sight of a trouble until it is over for good. One writer: the judge."""

    trouble: Trouble
    severity: Severity
    since: datetime
    """UTC, of the trouble itself."""
    began_mono_s: float
    """From when the hold-off counts; it does not while this is only a consequence."""
    told: bool = False
    well_since_mono_s: float | None = None
    watched: bool = True


def roots(alerts: Mapping[Key, Alert]) -> dict[Key, Key]:
    """By alert the one that it comes of, along all of its causes; itself where none is known."""
    by_subject = {subject: (rule, subject) for (rule, subject), alert in alerts.items() if _is_ill(alert)}
    return {key: _root(key, alerts, by_subject) for key in alerts}


def _root(key: Key, alerts: Mapping[Key, Alert], by_subject: Mapping[str, Key]) -> Key:
    seen = {key}
    while True:
        causes = (by_subject.get(cause) for cause in alerts[key].trouble.because)
        further = next((cause for cause in causes if cause is not None and cause not in seen), None)
        if further is None:
            return key
        seen.add(further)
        key = further


def _is_ill(alert: Alert) -> bool:
    return alert.watched and alert.well_since_mono_s is None
