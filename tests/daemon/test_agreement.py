"""What is published of what was read, from outside: twice alike, plausible, in order, and not contradicted."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from typing import Any

import pytest
from parts.fakes.steering import FakeServer
from parts.foureyes import RunningDaemon
from parts.watched import HEIGHT, MONEY, NUMBER, WIDTH, DrawnScreen, FakeEngine, Watched, drawn, task

TWICE = {name: {"reads": 2} for name in ("number", "amount", "grand", "mini")}
AT_FIRST = {"number": 1, "amount": "1.00", "grand": "9.00", "mini": "2.00"}


def fields(order: tuple[str, ...] = (), **properties: Any) -> dict[str, Any]:
    """A schema of these fields, some of them in an order."""
    ordered = {"x-order": list(order)} if order else {}
    return {"type": "object", "properties": properties, "required": list(properties), **ordered}


STEPS = fields(number={**NUMBER, "x-max-step": 10}, amount=MONEY)
RANGES = fields(number={**NUMBER, "maximum": 100}, amount={**MONEY, "minimum": 0})
BY_ENGINE = {
    "ticking": task(reads=2),
    "once": task(reads=2),
    "confused": task(reads=2),
    "step": task(reads=2, schema=STEPS, accept_step_after_s=3),
    "order": task(reads=2, schema=fields(("grand", "mini"), grand=MONEY, mini=MONEY, number=NUMBER)),
    "range": task(reads=2, schema=RANGES),
    "backed": task(reads=2, confirm_with="second"),
    "disputed": task(reads=2, confirm_with="second", reread_s=1),
    "late": task(reads=2, confirm_with="third"),
}
BY_LANGUAGE = {"alike": task(reads=2), "torn": task(reads=2)}


class Agreeing(Watched):
    """Tasks of an engine, which says itself how often it read, and tasks of a language model, which does not."""

    language: FakeServer
    beside: FakeEngine
    shown = 0

    def steer(self, name: str, **behaviour: Any) -> None:
        """Tell a model what to say."""
        if name in BY_ENGINE:
            self.engine.control(name, **behaviour)
        else:
            self.language.control(model=name, **behaviour)

    def asked(self, name: str) -> list[dict[str, Any]]:
        """What a language model was asked, probes left out."""
        chats = self.language.chats(name)
        return [each for each in chats if asked_fields(each) != ["seen"]]

    def show(self, name: str, **behaviour: Any) -> int:
        """Have a task's model say this of a new picture; returns how many readings came before."""
        seen = len(self.readings(name))
        self.steer(name, **behaviour)
        self.shown += 1
        self.screen.show(drawn(f"shown {self.shown}"))
        return seen

    def wait_values(self, name: str, since: int, **values: Any) -> dict[str, Any]:
        """The first reading of a task, after the `since` first ones, that has these values."""

        def found() -> list[dict[str, Any]]:
            later = self.readings(name)[since:]
            return [each for each in later if values.items() <= each["values"].items()]

        self.daemon.wait(lambda: bool(found()), f"a reading of {name} with {values}", 60)
        return found()[0]


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Agreeing]:
    folder = tmp_path_factory.mktemp("agreement")
    tasks = {**BY_ENGINE, **BY_LANGUAGE}
    with (
        DrawnScreen() as screen,
        FakeEngine(folder / "engine", list(BY_ENGINE)) as engine,
        FakeServer.openai(folder / "language", "plain", *BY_LANGUAGE, "second") as language,
        FakeEngine(folder / "beside", ["third"]) as beside,
    ):
        document = {
            "sources": [screen.source()],
            "servers": [
                {"id": "engine", "kind": "engine", "url": engine.url, "check_s": 300},
                {"id": "language", "kind": "openai", "url": language.url, "check_s": 300},
                {"id": "beside", "kind": "engine", "url": beside.url, "check_s": 300},
            ],
            "models": {
                **{name: {"server": "engine", "model_id": name} for name in BY_ENGINE},
                **{name: {"server": "language", "model_id": name} for name in (*BY_LANGUAGE, "second")},
                "third": {"server": "beside", "model_id": "third"},
            },
            "tasks": {name: {"models": [name], **settings} for name, settings in tasks.items()},
            "log": {"level": "debug"},
        }
        (config := folder / "config.yaml").write_text(json.dumps(document), encoding="utf-8")
        for name in BY_ENGINE:
            engine.control(name, values=AT_FIRST, evidence=TWICE)
        with RunningDaemon(folder, "--config", str(config)) as daemon:
            running = Agreeing(daemon.wait_ready(), engine, screen)
            running.language, running.beside = language, beside
            running.settle(*tasks)
            yield running


def asked_fields(chat: dict[str, Any]) -> list[str]:
    return sorted(chat["body"]["response_format"]["json_schema"]["schema"]["properties"])


def moment(reading: dict[str, Any]) -> float:
    return datetime.fromisoformat(reading["captured_at"]).timestamp()


def test_a_value_that_changes_at_every_look_is_published_at_every_look(watched: Agreeing) -> None:
    """Read twice alike, each new value is published by the first look at it, and none is ever withheld."""
    first = len(watched.readings("ticking"))
    for number in range(2, 8):
        since = watched.show("ticking", values={"number": number, "amount": f"{number}.00"})
        reading = watched.wait_values("ticking", since, number=number)
        assert reading["evidence"]["number"]["reads"] == 2
        assert reading["read_frame_id"] == reading["frame_id"]
    later = watched.readings("ticking")[first:]
    assert not any(reading["withheld"] for reading in later)
    assert {reading["confidence_from"] for reading in later} == {"agreement of reads"}


def test_a_value_that_was_read_once_is_never_published(watched: Agreeing) -> None:
    """The last value stands for a second, as old as it is, then it is null; the other field is not held back."""
    evidence = {**TWICE, "number": {"reads": 1}}
    since = watched.show("once", values={"number": 5, "amount": "5.00"}, evidence=evidence)
    watched.wait_reading("once", since, withheld={"number": "unconfirmed"})
    watched.wait_values("once", since, amount="5.00")
    later = [each for each in watched.readings("once")[since:] if each["values"]["amount"] == "5.00"]
    assert {each["values"]["number"] for each in later} <= {1, None}
    stood = [each for each in later if each["values"]["number"] == 1]
    assert stood
    assert all(each["evidence"]["amount"]["read_frame_id"] > each["read_frame_id"] for each in stood)
    assert all(moment(each) - moment(later[0]) <= 1.5 for each in stood)
    again = watched.show("once", values={"number": 5, "amount": "5.00"}, evidence=TWICE)
    assert watched.wait_values("once", again, number=5)["withheld"] == {}


def test_two_reads_that_differ_are_null_with_both(watched: Agreeing) -> None:
    """A conflict is withheld with its alternatives; the last value settles one that is of confused characters."""
    evidence = {
        **TWICE,
        "number": {"reads": 2, "alternatives": [{"text": "7", "value": 7}, {"text": "1", "value": 1}]},
    }
    values, why = {"amount": "1.00"}, {"number": "conflict"}
    since = watched.show("confused", values=values, withheld=why, evidence=evidence)
    reading = watched.wait_reading("confused", since, withheld=why)
    assert [each["value"] for each in reading["evidence"]["number"]["alternatives"]] == [7, 1]
    settled = {
        "reads": 2,
        "alternatives": [{"text": "$1.00", "value": "1.00"}, {"text": "51.00", "value": "51.00"}],
    }
    since = watched.show("confused", values={}, withheld={"amount": "conflict"}, evidence={"amount": settled})
    assert watched.wait_reading("confused", since, withheld={"number": "absent"})["values"]["amount"] == "1.00"


def test_a_language_model_reads_what_has_changed_twice(watched: Agreeing) -> None:
    """The second request has the same pixels, edges repeated 3 px high and 10 px wide, and what has changed."""
    since = watched.show("alike", values={"number": 1, "amount": "1.00"})
    watched.wait_values("alike", since, number=1, amount="1.00")
    asked = len(watched.asked("alike"))
    since = watched.show("alike", values={"number": 2, "amount": "1.00"})
    reading = watched.wait_values("alike", since, number=2, amount="1.00")
    first, second = watched.asked("alike")[asked:]
    sizes = [(each["pictures"][0]["width"], each["pictures"][0]["height"]) for each in (first, second)]
    assert sizes == [(WIDTH, HEIGHT), (WIDTH + 20, HEIGHT + 6)]
    assert [asked_fields(each) for each in (first, second)] == [["amount", "number"], ["number"]]
    assert (reading["evidence"]["number"]["reads"], reading["confidence"]) == (2, 0.75)


def test_a_language_model_that_reads_another_number_the_second_time_is_not_believed(watched: Agreeing) -> None:
    """Two reads that differ are null (conflict) with both; when they are alike again, the value is published."""
    torn = [{"number": 3, "amount": "1.00"}, {"number": 8, "amount": "1.00"}]
    since = watched.show("torn", turns=torn)
    reading = watched.wait_reading("torn", since, withheld={"number": "conflict"})
    assert reading["values"] == {"number": None, "amount": "1.00"}
    assert {each["value"] for each in reading["evidence"]["number"]["alternatives"]} == {3, 8}
    since = watched.show("torn", turns=[], values={"number": 8, "amount": "1.00"})
    assert watched.wait_values("torn", since, number=8)["withheld"] == {}
    assert 3 not in {each["values"]["number"] for each in watched.readings("torn")}


def test_a_value_beyond_the_largest_step_is_withheld_until_it_has_stood(watched: Agreeing) -> None:
    """A jump is null (implausible) although it was read alike; it is accepted after a while, read once more."""
    since = watched.show("step", values={"number": 500, "amount": "2.00"})
    reading = watched.wait_reading("step", since, withheld={"number": "implausible"})
    assert reading["values"] == {"number": None, "amount": "2.00"}
    assert reading["evidence"]["number"]["alternatives"] == [{"value": 500}]
    accepted = watched.wait_values("step", since, number=500)
    later = watched.readings("step")[since:]
    assert moment(accepted) - moment(later[0]) >= 2.5
    last = watched.engine.requests("step")[-1]
    assert (last["fields"], last["schema"]["x-memo-age-s"]) == (["number"], 0)
    since = watched.show("step", values={"number": 505, "amount": "2.00"})
    watched.wait_values("step", since, number=505)
    assert not any("number" in each["withheld"] for each in watched.readings("step")[since:])


def test_a_pair_in_the_wrong_order_is_withheld_as_a_whole(watched: Agreeing) -> None:
    """Where the smaller one is larger, both are null, and the field beside them is published."""
    since = watched.show("order", values={"grand": "9.00", "mini": "90.00", "number": 4})
    reading = watched.wait_reading("order", since, withheld={"grand": "implausible", "mini": "implausible"})
    assert reading["values"] == {"grand": None, "mini": None, "number": 4}
    since = watched.show("order", values={"grand": "95.00", "mini": "90.00", "number": 4})
    assert watched.wait_values("order", since, grand="95.00", mini="90.00")["withheld"] == {}
    for each in watched.readings("order"):
        pair = each["values"]["grand"], each["values"]["mini"]
        assert None in pair or float(pair[0]) >= float(pair[1])


def test_a_value_out_of_its_range_is_withheld_whoever_read_it(watched: Agreeing) -> None:
    """Over the maximum or under the minimum, of numbers and of amounts: null, and the model is not blamed."""
    since = watched.show("range", values={"number": 101, "amount": "-1.00"})
    reading = watched.wait_reading("range", since, withheld={"number": "implausible", "amount": "implausible"})
    assert reading["values"] == {"number": None, "amount": None}
    assert not watched.events("task.failing", "range")


def test_what_the_second_reader_reads_too_is_confirmed(watched: Agreeing) -> None:
    """Beside the clock another model reads the same picture: alike, the confidence rises and says why."""
    watched.steer("second", values={"number": 6, "amount": "6.00"})
    since = watched.show("backed", values={"number": 6, "amount": "6.00"})
    first = watched.wait_values("backed", since, number=6)
    reading = watched.wait_reading("backed", since, confidence_from="agreement of reads, confirmed by second")
    assert reading["confidence"] > first["confidence"] == 0.75
    assert {shown["confirmed_by"] for shown in reading["evidence"].values()} == {"second"}


def test_what_was_held_back_is_released_by_the_second_reader(watched: Agreeing) -> None:
    """A value that was read once is published when the other model reads it in the same pixels."""
    watched.steer("second", values={"number": 7, "amount": "6.00"})
    since = watched.show("backed", values={"number": 7, "amount": "6.00"}, evidence={"number": {"reads": 1}})
    reading = watched.wait_values("backed", since, number=7)
    assert reading["evidence"]["number"] == {"reads": 1, "confirmed_by": "second"}


def test_what_the_second_reader_reads_otherwise_is_null(watched: Agreeing) -> None:
    """Two models that disagree: null (conflict) with both readings and their names, until both say the same."""
    watched.steer("second", values={"number": 8, "amount": "1.00"})
    since = watched.show("disputed", values={"number": 3, "amount": "1.00"})
    both = [{"value": 3, "model": "disputed"}, {"value": 8, "model": "second"}]

    def conflicts() -> list[dict[str, Any]]:
        later = watched.readings("disputed")[since:]
        return [each for each in later if each["evidence"].get("number", {}).get("alternatives") == both]

    watched.daemon.wait(lambda: bool(conflicts()), "a conflict of the two", 60)
    reading = conflicts()[0]
    assert reading["withheld"] == {"number": "conflict"}
    assert reading["values"]["amount"] == "1.00"
    disputed = watched.readings("disputed").index(reading)
    watched.steer("second", values={"number": 3, "amount": "1.00"})
    again = watched.wait_values("disputed", disputed, number=3)
    assert again["evidence"]["number"]["confirmed_by"] == "second"
    between = watched.readings("disputed")[disputed : watched.readings("disputed").index(again)]
    assert {each["values"]["number"] for each in between} == {None}


def test_a_late_second_reader_overwrites_nothing_newer(watched: Agreeing) -> None:
    """One question at a time, the newest next: what is said of pixels that are gone is dropped and counted."""
    counted = {reason: watched.dropped("confirm", reason) for reason in ("late", "superseded")}
    asked, since = len(watched.beside.requests("third")), len(watched.readings("late"))
    watched.beside.control("third", values={"number": 99}, hold=True, times=1)
    for number in (31, 32, 33):
        shown = watched.show("late", values={"number": number})
        watched.wait_values("late", shown, number=number)
        watched.daemon.wait(lambda: len(watched.beside.requests("third")) > asked, "the second reader is asked")
    watched.beside.control("third", values={"number": 33}, release=True)
    watched.wait_reading("late", since, confidence_from="agreement of reads, confirmed by third")
    assert not any("number" in reading["withheld"] for reading in watched.readings("late")[since:])
    assert len(watched.beside.requests("third")) == asked + 2
    dropped = {reason: watched.dropped("confirm", reason) - before for reason, before in counted.items()}
    assert dropped == {"late": 1, "superseded": 1}
