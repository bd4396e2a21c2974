"""Agreement over time: what a task may publish of what it read, field by field.

A changed value of numbers or times is published at once where it was read twice alike from the same pixels and is
a plausible step from the last one, or where the second reader agrees. Else it is in doubt: it is read again on the
next looks, and the last value stands for `agree_within_s`, as old as it is; then it is null with the reason, until
a read is beyond doubt. One field in doubt holds back no other.

A value beyond `x-max-step` is in doubt too. One that stands for `accept_step_after_s`, and goes on from there in
plausible steps, is no slip: read once more, it is accepted as the value from which the next steps are counted. A
pair that breaks `x-order` is in doubt as a whole.

What the second reader read otherwise is null (conflict) until a read gives another value or it agrees.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from foureyes.config.settings import Task
from foureyes.vision.answer import Answer
from foureyes.vision.confidence import confidence_of
from foureyes.vision.finding import Finding, findings_of
from foureyes.vision.rules import Rules, is_same
from foureyes.vision.settling import settled

_IN_DOUBT = frozenset({"conflict", "unconfirmed", "implausible"})


@dataclass
class _Step:
    """A value beyond the largest plausible step, or one that went on from there, and since when."""

    value: Any
    since_s: float


@dataclass
class _Row:
    """What one field shows."""

    shown: Finding
    """What was published last, a value or a null with its reason."""
    known: Any = None
    """The last value that was published: what steps are counted from."""
    doubted: Finding | None = None
    """The newest read, while it is in doubt."""
    since_s: float = 0.0
    """Since when the field is in doubt without a break."""
    step: _Step | None = None
    backed_by: str | None = None
    """The second reader, where it read this value too."""
    dispute: tuple[Mapping[str, Any], ...] = ()
    """What the two readers read, the first one's first, where they differ."""

    @property
    def newest(self) -> Finding:
        """The newest read."""
        return self.doubted or self.shown


class Agreement:
    """Owns what one task may publish. One writer: the task's watch; times are monotonic seconds."""

    def __init__(self, rules: Rules, settings: Task) -> None:
        self._rules = rules
        self._settings = settings
        self._rows: dict[str, _Row] = {}
        self._base: Answer | None = None

    def note(self, answer: Answer, now_s: float) -> None:
        """Take in what was read: all fields, or some of them by the same model as the others."""
        if self._base is None or set(answer.values) >= set(self._base.values):
            self._base = answer
        for name, found in findings_of(answer).items():
            self._judge(name, found, now_s)

    def _judge(self, name: str, found: Finding, now_s: float) -> None:
        row = self._rows.get(name)
        if row is None:
            row = self._rows[name] = _Row(found.withheld("unconfirmed"))
        found = self._settled(name, row, found)
        if row.dispute and not is_same(found.value, row.dispute[0]["value"]):
            row.dispute = ()
        reason = self._objection(name, row, found, now_s)
        if reason is not None:
            self._doubt(row, found, reason, now_s)
        else:
            self._show(row, found)

    def _settled(self, name: str, row: _Row, found: Finding) -> Finding:
        if found.reason != "conflict":
            return found
        value = settled(found.alternatives, name, self._rules, row.known)
        return found if value is None else found.with_value(value)

    def _objection(self, name: str, row: _Row, found: Finding, now_s: float) -> str | None:
        """Why it is in doubt what the field shows, if it is."""
        if row.dispute:
            return "conflict"
        if found.value is None:
            return found.reason if found.reason in _IN_DOUBT and self._rules.is_read_twice(name) else None
        if row.known is not None and is_same(found.value, row.known):
            return None
        if self._needs_second_read(name) and found.reads < 2 and not found.is_settled:
            return "unconfirmed"
        return None if self._is_plausible(name, row, found.value, now_s) else "implausible"

    def _needs_second_read(self, name: str) -> bool:
        return self._settings.reads > 1 and self._rules.is_read_twice(name)

    def _is_plausible(self, name: str, row: _Row, value: Any, now_s: float) -> bool:
        if row.known is None or self._rules.is_step(name, row.known, value):
            return True
        goes_on = row.step is not None and self._rules.is_step(name, row.step.value, value)
        row.step = _Step(value, row.step.since_s if row.step is not None and goes_on else now_s)
        return self._has_stood(row.step, now_s)

    def _has_stood(self, step: _Step, now_s: float) -> bool:
        after_s = self._settings.accept_step_after_s
        return after_s is not None and now_s - step.since_s >= after_s

    def _show(self, row: _Row, found: Finding) -> None:
        if not is_same(found.value, row.newest.value):
            row.backed_by = None
        is_known = found.value is not None and is_same(found.value, row.shown.value)
        row.shown = found.with_reads(max(found.reads, row.shown.reads)) if is_known else found
        row.doubted, row.step = None, None
        if found.value is not None:
            row.known = found.value

    def _doubt(self, row: _Row, found: Finding, reason: str, now_s: float) -> None:
        if row.doubted is None:
            row.since_s = now_s
        if reason != "implausible" or found.value is None:
            row.step = None
        row.doubted, row.backed_by = replace(found, reason=reason), None

    def current(self, now_s: float) -> Answer:
        """What may be published now; the whole is as old as its oldest part."""
        assert self._base is not None
        found = self._published(now_s)
        oldest = min((each.answer for each in found.values()), key=lambda answer: answer.read_mono_s)
        confidence, confidence_from = confidence_of(self._base, found)
        return replace(
            self._base,
            values={name: each.value for name, each in found.items()},
            withheld={name: each.reason for name, each in found.items() if each.value is None and each.reason},
            evidence={name: shown for name, each in found.items() if (shown := each.shown(oldest))},
            confidence=confidence,
            confidence_from=confidence_from,
            frame_id=oldest.frame_id,
            read_at=oldest.read_at,
            read_mono_s=oldest.read_mono_s,
        )

    def _published(self, now_s: float) -> dict[str, Finding]:
        assert self._base is not None
        return self._ordered({name: self._standing(self._rows[name], now_s) for name in self._base.values})

    def _ordered(self, found: dict[str, Finding]) -> dict[str, Finding]:
        """Without what contradicts the order: an older value that still stands goes before a newer one."""
        while wrong := self._rules.disordered({name: each.value for name, each in found.items()}):
            newest_s = max(found[name].answer.read_mono_s for name in wrong)
            older = {name for name in wrong if found[name].answer.read_mono_s < newest_s}
            found |= {name: found[name].withheld("implausible") for name in older or wrong}
        return found

    def _standing(self, row: _Row, now_s: float) -> Finding:
        """What a field shows: while it is in doubt its last value for a while, if the same model read it."""
        if row.doubted is None:
            return row.shown.backed(row.backed_by)
        if row.shown.value is not None and self._is_young(row, now_s) and self._is_of_base(row.shown):
            return row.shown
        row.shown = row.doubted.withheld(row.doubted.reason or "unconfirmed", row.dispute)
        return row.shown

    def _is_of_base(self, found: Finding) -> bool:
        assert self._base is not None
        return (found.answer.model, found.answer.server) == (self._base.model, self._base.server)

    def in_doubt(self, now_s: float) -> tuple[str, ...]:
        """The fields that the next look reads again."""
        young = [name for name, row in self._rows.items() if row.doubted and self._is_young(row, now_s)]
        return (*young, *(name for name in self.stood(now_s) if name not in young))

    def stood(self, now_s: float) -> tuple[str, ...]:
        """The fields whose values beyond a plausible step have stood so long that one more read accepts them."""
        return tuple(name for name, row in self._rows.items() if row.step and self._has_stood(row.step, now_s))

    def _is_young(self, row: _Row, now_s: float) -> bool:
        return not row.dispute and now_s - row.since_s < self._settings.agree_within_s

    def once(self, answer: Answer) -> tuple[str, ...]:
        """The fields whose values changed and were read once only: they need a second read."""
        return tuple(
            name
            for name, found in findings_of(answer).items()
            if found.value is not None
            and found.reads < 2
            and self._needs_second_read(name)
            and not (name in self._rows and is_same(found.value, self._rows[name].known))
        )

    def open_questions(self) -> dict[str, Finding]:
        """By field, the newest read that the second reader has not agreed with yet."""
        rows = self._rows.items()
        return {name: row.newest for name, row in rows if row.backed_by is None and row.newest.offers}

    def newest(self) -> dict[str, Finding]:
        """By field, what was read last."""
        return {name: row.newest for name, row in self._rows.items()}

    def hear(self, asked: Mapping[str, Finding], second: Answer) -> bool:
        """Take in what the second reader read where the first one had read this; whether any of it still counts.

        What was read otherwise since then is newer than the second reader's pixels, and stays what it is.
        """
        counted = False
        for name, found in asked.items():
            row, said = self._rows[name], second.values.get(name)
            if said is not None and _is_still(row.newest, found):
                counted = True
                self._settle(row, found, said, second)
        return counted

    def _settle(self, row: _Row, found: Finding, said: Any, second: Answer) -> None:
        agreed = [value for value in found.offers if is_same(value, said)]
        if agreed:
            newest = row.newest
            row.dispute = ()
            self._show(row, newest if newest.value is not None else newest.with_value(agreed[0]))
            row.shown, row.backed_by = replace(row.shown, reason=None), second.model
            return
        row.dispute = tuple(
            {"value": value, "model": model}
            for value, model in (*((value, found.answer.model) for value in found.offers), (said, second.model))
        )
        if is_same(row.known, row.dispute[0]["value"]):
            row.known = None
        row.doubted, row.backed_by = replace(row.newest, reason="conflict"), None

    def certain(self) -> dict[str, Any]:
        """What is known of the newest pictures: values in no doubt, by field."""
        return {name: row.shown.value for name, row in self._rows.items() if row.doubted is None}


def _is_still(newest: Finding, found: Finding) -> bool:
    """Whether the newest read says what an earlier one said."""
    return len(newest.offers) == len(found.offers) and all(map(is_same, newest.offers, found.offers))
