"""Troubles: what one rule finds in one snapshot, by the subject that it is about. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from enum import Enum
from functools import singledispatch

import numpy as np

from foureyes.alerts.condition import meets
from foureyes.alerts.snapshot import PartSeen, Snapshot, TaskSeen
from foureyes.config.alerts import (
    BlindTask,
    Disk,
    ErrorRate,
    Fallback,
    Latency,
    Memory,
    ReadingMeets,
    Rule,
    RuleSettings,
    ServerDown,
    SourceOffline,
)
from foureyes.telemetry.words import QUIET, Word

_OFFLINE = {Word.BLIND, Word.FROZEN, Word.FAILING}
_DOWN = {Word.BLIND, Word.FAILING, Word.DEGRADED, Word.RECOVERING}
_WELL = QUIET | {Word.FALLBACK}
"""Whoever is on a fallback is not blind; a rule that finds one of these words bad has looked for it first."""
_SAID = {
    "equals": "is",
    "differs_from": "is not",
    "above": "is above",
    "below": "is below",
    "contains": "contains",
}


@dataclass(frozen=True)
class Trouble:
    """Something that is wrong with one subject."""

    title: str
    """Short, and the same as long as the trouble lasts."""
    reason: str
    for_s: float = 0.0
    """How long already."""
    because: tuple[str, ...] = ()
    """Other subjects that are its cause where they are in trouble themselves."""


class Verdict(Enum):
    """What there is to say of a subject that is in no known trouble."""

    WELL = "well"
    UNKNOWN = "unknown"
    """It cannot be judged now: what was said of it last stands."""


Judged = Mapping[str, Trouble | Verdict]
"""By subject; one that is not among them is not watched."""


@singledispatch
def judged(rule: Rule, snapshot: Snapshot) -> Judged:
    """What a rule finds."""
    raise NotImplementedError(type(rule))


@judged.register
def _(rule: SourceOffline, snapshot: Snapshot) -> Judged:
    return _parts(rule, "source", snapshot.sources, _OFFLINE, "is offline")


@judged.register
def _(rule: ServerDown, snapshot: Snapshot) -> Judged:
    return _parts(rule, "server", snapshot.servers, _DOWN, "is down")


@judged.register
def _(rule: BlindTask, snapshot: Snapshot) -> Judged:
    return {
        f"task:{seen.id}": _by_word(seen, _OFFLINE, f"task '{seen.id}' is blind", _causes(seen))
        for seen in _tasks(rule, snapshot)
    }


@judged.register
def _(rule: Fallback, snapshot: Snapshot) -> Judged:
    return {
        f"task:{seen.id}": _by_word(seen, {Word.FALLBACK}, f"task '{seen.id}' is on a fallback", _causes(seen))
        for seen in _tasks(rule, snapshot)
    }


@judged.register
def _(rule: Latency, snapshot: Snapshot) -> Judged:
    def verdict(task: str, target_ms: float, ended: list[float | None]) -> Trouble | Verdict:
        answered = [took_s for took_s in ended if took_s is not None]
        if len(answered) < rule.least:
            return Verdict.UNKNOWN
        bound_ms, p95_ms = rule.over * target_ms, 1000 * float(np.percentile(answered, 95))
        text = f"its p95 is {p95_ms:.0f} ms over the last {rule.window_s:g} s, beyond {bound_ms:.0f} ms"
        reason = text if p95_ms > bound_ms else None
        return _trouble(f"task '{task}' is slow", reason, because=_causes_of(task, snapshot))

    targets = {task: seen.target_ms for task, seen in snapshot.requests.items()}
    recent = _recent(rule, snapshot, rule.window_s)
    return {
        f"requests:{task}": verdict(task, target_ms, ended)
        for task, ended in recent.items()
        if (target_ms := targets[task]) is not None
    }


@judged.register
def _(rule: ErrorRate, snapshot: Snapshot) -> Judged:
    def verdict(task: str, ended: list[float | None]) -> Trouble | Verdict:
        if len(ended) < rule.least:
            return Verdict.UNKNOWN
        failed = ended.count(None) / len(ended)
        text = f"{failed:.0%} of the last {len(ended)} requests failed, more than {rule.above:.0%}"
        reason = text if failed > rule.above else None
        return _trouble(f"requests for task '{task}' fail", reason, because=_causes_of(task, snapshot))

    recent = _recent(rule, snapshot, rule.window_s)
    return {f"requests:{task}": verdict(task, ended) for task, ended in recent.items()}


@judged.register
def _(rule: Disk, snapshot: Snapshot) -> Judged:
    free_mb = snapshot.disk_free_mb
    if free_mb is None:
        return {"disk": Verdict.UNKNOWN}
    text = f"{free_mb:.0f} MB are free where the state is kept, less than {rule.below_mb} MB"
    return {"disk": _trouble("the disk is nearly full", text if free_mb < rule.below_mb else None)}


@judged.register
def _(rule: Memory, snapshot: Snapshot) -> Judged:
    free_mb = snapshot.memory_available_mb
    if snapshot.own_memory is None and free_mb is None:
        return {"memory": Verdict.UNKNOWN}
    is_short = free_mb is not None and free_mb < rule.below_mb
    text = f"{free_mb:.0f} MB of memory are available, less than {rule.below_mb} MB" if is_short else None
    return {"memory": _trouble("memory is short", snapshot.own_memory or text)}


@judged.register
def _(rule: ReadingMeets, snapshot: Snapshot) -> Judged:
    def verdict(seen: TaskSeen) -> Trouble | Verdict:
        value = (seen.values or {}).get(rule.field)
        met = None if seen.values is None else meets(rule, value)
        if met is None:
            return Verdict.UNKNOWN
        reason = "it is not known" if value is None else f"it is {value}"
        because = _causes(seen, blind=True) if rule.missing else ()
        return _trouble(f"{seen.id}: {rule.field} {_words(rule)}", reason if met else None, because=because)

    of_task = (seen for seen in snapshot.tasks if seen.task == rule.task and rule.source in {None, seen.source})
    return {f"reading:{seen.id}/{rule.field}": verdict(seen) for seen in of_task}


def _trouble(
    title: str, reason: str | None, for_s: float = 0.0, *, because: tuple[str, ...] = ()
) -> Trouble | Verdict:
    return Verdict.WELL if reason is None else Trouble(title, reason, for_s, because)


def _by_word(
    seen: PartSeen | TaskSeen, bad: AbstractSet[Word], title: str, because: tuple[str, ...] = ()
) -> Trouble | Verdict:
    if seen.word in bad:
        for_s = seen.for_s if isinstance(seen, PartSeen) else 0.0
        return Trouble(title, seen.reason or f"it is {seen.word}", for_s, because)
    return Verdict.WELL if seen.word in _WELL else Verdict.UNKNOWN


def _parts(
    rule: RuleSettings, kind: str, parts: Mapping[str, PartSeen], bad: AbstractSet[Word], said: str
) -> Judged:
    return {
        f"{kind}:{name}": _by_word(seen, bad, f"{kind} '{name}' {said}")
        for name, seen in parts.items()
        if _watches(rule, name)
    }


def _watches(rule: RuleSettings, name: str) -> bool:
    return (rule.only is None or name in rule.only) and name not in rule.without


def _tasks(rule: RuleSettings, snapshot: Snapshot) -> Iterator[TaskSeen]:
    return (seen for seen in snapshot.tasks if _watches(rule, seen.task))


def _causes(seen: TaskSeen, *, blind: bool = False) -> tuple[str, ...]:
    """What a task's trouble may come of; with `blind` also of its own blindness."""
    itself = (f"task:{seen.id}",) if blind else ()
    return (f"source:{seen.source}", *(f"server:{name}" for name in seen.waits_for), *itself)


def _causes_of(task: str, snapshot: Snapshot) -> tuple[str, ...]:
    """The servers that a task waits for; a source that is away makes no request slow or fail."""
    return tuple(f"server:{name}" for seen in snapshot.tasks if seen.task == task for name in seen.waits_for)


def _recent(rule: RuleSettings, snapshot: Snapshot, window_s: float) -> dict[str, list[float | None]]:
    return {
        task: [took_s for ended_s, took_s in seen.ended if ended_s >= snapshot.mono_s - window_s]
        for task, seen in snapshot.requests.items()
        if _watches(rule, task)
    }


def _words(rule: ReadingMeets) -> str:
    if rule.missing:
        return "is missing"
    given = {name: getattr(rule, name) for name in _SAID}
    name, value = next((name, value) for name, value in given.items() if value is not None)
    return f"{_SAID[name]} {value:g}" if isinstance(value, float) else f"{_SAID[name]} {value}"
