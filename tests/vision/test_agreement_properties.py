"""Agreement, for any sequence of reads: nothing unbacked is published, and nothing that agrees is held back."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from foureyes.config.settings import Task
from foureyes.vision.agreement import Agreement
from foureyes.vision.answer import Answer
from foureyes.vision.rules import Rules, is_same

LOOK_S = 0.25
NUMBER = {"type": ["number", "null"]}
SCHEMA: dict[str, Any] = {
    "type": "object",
    "properties": {"stepping": {**NUMBER, "x-max-step": 10}, "free": NUMBER, "word": {"type": ["string", "null"]}},
}
NUMBERS = ("stepping", "free")


@dataclass(frozen=True)
class Read:
    """What one look gave for each field: a value read so often alike, or null with a reason."""

    values: dict[str, Any]
    reads: dict[str, int]
    reason: str
    says: dict[str, Any] | None
    """What the second reader says of these pixels, if it is asked."""

    def answer(self, number: int) -> Answer:
        return answer(
            number, self.values, {name: {"reads": self.reads[name]} for name in self.values}, self.reason
        )


def answer(number: int, values: dict[str, Any], evidence: dict[str, Any], reason: str = "absent") -> Answer:
    """The answer to look `number`."""
    return Answer(
        values=values,
        withheld={name: reason for name, value in values.items() if value is None},
        evidence=evidence,
        confidence=None,
        confidence_from=None,
        model_says=None,
        model="read",
        server="engine",
        latency_ms=1.0,
        fallback=False,
        frame_id=f"main-{number:06d}",
        read_at=datetime(2026, 1, 1, tzinfo=UTC),
        read_mono_s=number * LOOK_S,
    )


def agreement(schema: dict[str, Any] = SCHEMA, **settings: Any) -> Agreement:
    asked = {"models": ["read"], "schema": schema, **settings}
    return Agreement(Rules.of(schema), Task.model_validate(asked))


VALUE = st.one_of(st.none(), st.integers(0, 4), st.integers(100, 104))
FIELDS = tuple(SCHEMA["properties"])
READ = st.builds(
    Read,
    values=st.fixed_dictionaries({"stepping": VALUE, "free": VALUE, "word": st.sampled_from([None, "a", "b"])}),
    reads=st.fixed_dictionaries({name: st.sampled_from([1, 2]) for name in FIELDS}),
    reason=st.sampled_from(["absent", "conflict", "unreadable"]),
    says=st.none() | st.fixed_dictionaries({"stepping": VALUE, "free": VALUE, "word": st.just("a")}),
)


@given(st.lists(READ, max_size=40))
def test_no_number_is_published_that_nothing_backs(looks: list[Read]) -> None:
    """Each number that is ever published was read twice alike in some look, or by the second reader too."""
    judge, backed = agreement(), {name: set[Any]() for name in NUMBERS}
    for number, read in enumerate(looks):
        now_s = number * LOOK_S
        judge.note(read.answer(number), now_s)
        for name in NUMBERS:
            if read.reads[name] == 2:
                backed[name].add(read.values[name])
        if read.says is not None:
            asked = judge.open_questions()
            judge.hear(asked, answer(number, read.says, {}))
            for name in NUMBERS:
                if read.says[name] is not None:
                    backed[name].add(read.says[name])
        shown = judge.current(now_s)
        for name in NUMBERS:
            assert shown.values[name] is None or shown.values[name] in backed[name]


DOUBTFUL: dict[str, tuple[dict[str, Any], dict[str, Any]]] = {
    "unconfirmed": ({"stepping": 9}, {"reads": 1}),
    "implausible": ({"stepping": 999}, {"reads": 2}),
    "conflict": ({"stepping": None}, {"reads": 2}),
}
"""By reason, what makes a look doubtful."""


@given(st.lists(st.sampled_from(list(DOUBTFUL)), min_size=1, max_size=12))
def test_a_value_in_doubt_stands_for_the_bound_and_is_null_then(looks: list[str]) -> None:
    """However it is in doubt: its last value stands for a second, as old as it is; then null with the reason."""
    judge = agreement(agree_within_s=1)
    beside = {"free": 1, "word": "a"}
    judge.note(answer(0, {"stepping": 1, **beside}, {name: {"reads": 2} for name in NUMBERS}), 0)
    for number, reason in enumerate(looks, start=1):
        now_s, (values, shown) = number * LOOK_S, DOUBTFUL[reason]
        judge.note(answer(number, {**values, **beside}, {"stepping": shown}, reason), now_s)
        current = judge.current(now_s)
        stands = now_s - LOOK_S < 1
        assert current.values == {"stepping": 1 if stands else None, **beside}
        assert current.withheld == ({} if stands else {"stepping": reason})
        assert current.read_mono_s == (0 if stands else now_s)


@given(st.lists(READ, max_size=30), st.integers(1, 6))
def test_reads_that_agree_are_published_at_once_whatever_came_before(looks: list[Read], more: int) -> None:
    """A free number that ticks at every look and is read twice alike is shown by that very look."""
    judge = agreement()
    for number, read in enumerate(looks):
        judge.note(read.answer(number), number * LOOK_S)
    for tick in range(more):
        number = len(looks) + tick
        values = {"stepping": 1, "free": 1000 + tick, "word": "a"}
        judge.note(answer(number, values, {name: {"reads": 2} for name in NUMBERS}), number * LOOK_S)
        assert judge.current(number * LOOK_S).values["free"] == 1000 + tick


@given(st.lists(READ, max_size=30))
def test_a_jump_is_published_when_it_has_stood_and_not_before(looks: list[Read]) -> None:
    """Whatever was shown before, a value that goes on is shown within the time after which a step is accepted."""
    judge = agreement(accept_step_after_s=2)
    for number, read in enumerate(looks):
        judge.note(read.answer(number), number * LOOK_S)
    for tick in range(9 + 1):
        number = len(looks) + tick
        now_s = number * LOOK_S
        values = {"stepping": 1000 + tick, "free": 1, "word": "a"}
        judge.note(answer(number, values, {name: {"reads": 2} for name in NUMBERS}), now_s)
    assert judge.current(now_s).values["stepping"] == 1000 + tick


@given(st.lists(READ, min_size=1, max_size=30), st.data())
def test_a_late_second_reader_overwrites_nothing_newer(looks: list[Read], data: st.DataObject) -> None:
    """What the second reader says of older pixels changes no field that reads otherwise by now."""
    judge, asked = agreement(), {}
    late = data.draw(st.integers(0, len(looks) - 1))
    for number, read in enumerate(looks):
        judge.note(read.answer(number), number * LOOK_S)
        if number == late:
            asked = judge.open_questions()
    now_s = (len(looks) - 1) * LOOK_S
    newest = judge.open_questions()
    before = judge.current(now_s).values
    judge.hear(asked, answer(len(looks), {"stepping": 4, "free": 4, "word": "z"}, {}))
    after = judge.current(now_s).values
    for name, found in asked.items():
        if name in newest and not is_same(newest[name].offers[0], found.offers[0]):
            assert after[name] == before[name]


ORDERED = {**SCHEMA, "x-order": ["stepping", "free"]}


@given(st.lists(READ, max_size=40))
def test_what_is_published_together_is_never_in_the_wrong_order(looks: list[Read]) -> None:
    """Whatever stands in doubt or is released by the second reader: a wrong pair is never shown."""
    judge = agreement(ORDERED)
    for number, read in enumerate(looks):
        judge.note(read.answer(number), number * LOOK_S)
        for said in (None, read.says):
            if said is not None:
                judge.hear(judge.open_questions(), answer(number, said, {}))
            larger, smaller = (judge.current(number * LOOK_S).values[name] for name in NUMBERS)
            assert larger is None or smaller is None or larger >= smaller
