"""The judge: snapshots in, notices out. Pure: its only clock is the snapshots'.

A trouble is told when it has lasted as long as its rule holds off. A trouble whose cause is in trouble too is not
told for itself: it is a line in its cause's notice, and its hold-off begins when only the cause is over. What is
over must stay so for a while before that is told; what cannot be judged stays as it is.
"""

from __future__ import annotations

import math
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from foureyes.alerts.alert import Alert, Key, roots
from foureyes.alerts.notice import Notice, moment, notice
from foureyes.alerts.snapshot import Snapshot
from foureyes.alerts.trouble import Trouble, Verdict, judged
from foureyes.config.alerts import Rule


class Judge:
    """Remembers what is in trouble. `rules` may be changed between two looks."""

    def __init__(self, rules: Mapping[str, Rule], told: Iterable[Mapping[str, Any]] = ()) -> None:
        """`told` is what another judge had told, as its `active()` gave it."""
        self.rules = rules
        self._alerts: dict[Key, Alert] = {}
        self._last_told_mono_s: dict[Key, float] = {}
        """For the cool-down; what is cool is forgotten."""
        self._told_before = list(told)

    def look(self, snapshot: Snapshot) -> list[Notice]:
        """What is to be told now."""
        self._take_over(snapshot)
        self._note(snapshot)
        cause_of = roots(self._alerts)
        for key, cause in cause_of.items():
            if cause != key:
                self._alerts[key].began_mono_s = snapshot.mono_s
        return [*self._problems(snapshot, cause_of), *self._recoveries(snapshot)]

    def active(self) -> list[dict[str, Any]]:
        """Every trouble that there is, the oldest first. Those that were told are what a later judge must know."""
        cause_of = roots(self._alerts)
        alerts = sorted(self._alerts.items(), key=lambda item: item[1].since)
        return [_document(key, alert, cause_of[key]) for key, alert in alerts]

    def _take_over(self, snapshot: Snapshot) -> None:
        """Remember what was told before a restart: only a snapshot knows what time it is."""
        for entry in self._told_before:
            key, now_s = (entry["rule"], entry["subject"]), snapshot.mono_s
            trouble, since = Trouble(entry["title"], entry["reason"]), datetime.fromisoformat(entry["since"])
            self._alerts[key] = Alert(trouble, entry["severity"], since, now_s, told=True)
            self._last_told_mono_s[key] = now_s
        self._told_before = []

    def _note(self, snapshot: Snapshot) -> None:
        found = {
            (name, subject): verdict
            for name, rule in self.rules.items()
            for subject, verdict in judged(rule, snapshot).items()
        }
        for key, verdict in found.items():
            if isinstance(verdict, Trouble):
                self._see(key, verdict, snapshot)
            elif verdict is Verdict.WELL and (alert := self._alerts.get(key)) and alert.well_since_mono_s is None:
                alert.well_since_mono_s = snapshot.mono_s
        for key in self._alerts.keys() - found.keys():
            self._alerts[key].watched = False

    def _see(self, key: Key, trouble: Trouble, snapshot: Snapshot) -> None:
        severity = self.rules[key[0]].severity
        if (alert := self._alerts.get(key)) is not None:
            alert.trouble, alert.severity, alert.well_since_mono_s = trouble, severity, None
            return
        since = snapshot.at - timedelta(seconds=trouble.for_s)
        self._alerts[key] = Alert(trouble, severity, since, snapshot.mono_s - trouble.for_s)

    def _problems(self, snapshot: Snapshot, cause_of: Mapping[Key, Key]) -> list[Notice]:
        """What fell ill together by one rule is one notice."""
        due: dict[str, list[Key]] = defaultdict(list)
        for key, alert in self._alerts.items():
            if cause_of[key] == key and self._is_due(key, alert, snapshot.mono_s):
                due[key[0]].append(key)
        return [self._problem(keys, snapshot, cause_of) for keys in due.values()]

    def _is_due(self, key: Key, alert: Alert, now_s: float) -> bool:
        if alert.told or not alert.watched or alert.well_since_mono_s is not None:
            return False
        rule = self.rules[key[0]]
        cooled = now_s - self._last_told_mono_s.get(key, -math.inf) >= rule.cooldown_s
        return cooled and now_s - alert.began_mono_s >= rule.hold_s

    def _problem(self, keys: Sequence[Key], snapshot: Snapshot, cause_of: Mapping[Key, Key]) -> Notice:
        alerts = [self._alerts[key] for key in keys]
        for key, alert in zip(keys, alerts, strict=True):
            alert.told = True
            self._last_told_mono_s[key] = snapshot.mono_s
        causes = set(keys)
        consequences = [key for key, cause in cause_of.items() if cause in causes and key not in causes]
        effects = {self._alerts[key].trouble.title for key in consequences}
        return notice(
            "problem",
            keys[0][0],
            alerts[0].severity,
            at=snapshot.at,
            since=min(alert.since for alert in alerts),
            subjects=[subject for _, subject in keys],
            title=_title(alerts),
            lines=[
                *(f"{alert.trouble.title}: {alert.trouble.reason}" for alert in alerts),
                *(f"therefore {effect}" for effect in sorted(effects)),
            ],
        )

    def _recoveries(self, snapshot: Snapshot) -> list[Notice]:
        over: dict[str, list[tuple[Key, Alert]]] = defaultdict(list)
        for key, alert in list(self._alerts.items()):
            if self._is_over(key, alert, snapshot.mono_s):
                del self._alerts[key]
                if alert.told:
                    over[key[0]].append((key, alert))
        self._forget_what_is_cool(snapshot.mono_s)
        return [_recovery(ended, snapshot) for ended in over.values()]

    def _is_over(self, key: Key, alert: Alert, now_s: float) -> bool:
        if not alert.watched:
            return True
        since_s = alert.well_since_mono_s
        return since_s is not None and now_s - since_s >= self.rules[key[0]].recover_s

    def _forget_what_is_cool(self, now_s: float) -> None:
        for key, told_s in list(self._last_told_mono_s.items()):
            rule = self.rules.get(key[0])
            if rule is None or now_s - told_s >= rule.cooldown_s:
                del self._last_told_mono_s[key]


def _recovery(ended: Sequence[tuple[Key, Alert]], snapshot: Snapshot) -> Notice:
    alerts = [alert for _, alert in ended]
    return notice(
        "recovered",
        ended[0][0][0],
        alerts[0].severity,
        at=snapshot.at,
        since=min(alert.since for alert in alerts),
        subjects=[key[1] for key, _ in ended],
        title=f"over: {_title(alerts)}",
        lines=[_end(alert, snapshot) for alert in alerts],
    )


def _end(alert: Alert, snapshot: Snapshot) -> str:
    if alert.well_since_mono_s is None:
        return f"it is not watched any more that {alert.trouble.title}"
    well_at = snapshot.at - timedelta(seconds=snapshot.mono_s - alert.well_since_mono_s)
    lasted_s = max(0.0, (well_at - alert.since).total_seconds())
    return f"it is over that {alert.trouble.title}; it lasted {lasted_s:.0f} s, from {moment(alert.since)}"


def _title(alerts: Sequence[Alert]) -> str:
    first, more = alerts[0].trouble.title, len(alerts) - 1
    return first if more == 0 else f"{first}, and {more} more alike"


def _document(key: Key, alert: Alert, cause: Key) -> dict[str, Any]:
    rule, subject = key
    return {
        "rule": rule,
        "subject": subject,
        "severity": alert.severity,
        "since": moment(alert.since),
        "title": alert.trouble.title,
        "reason": alert.trouble.reason,
        "told": alert.told,
        "because": None if cause == key else cause[1],
    }
