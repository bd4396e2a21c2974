"""The rules of alerts are pure: a blip says nothing, an outage one thing with its cause."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from pydantic import ValidationError

from foureyes.alerts.judge import Judge
from foureyes.alerts.notice import Notice
from foureyes.alerts.snapshot import PartSeen, RequestsSeen, Snapshot, TaskSeen
from foureyes.config.alerts import Alerts
from foureyes.telemetry.words import Word

BEGAN = datetime(2026, 1, 1, tzinfo=UTC)
WELL = Snapshot(
    mono_s=0,
    at=BEGAN,
    sources={"main": PartSeen(Word.OK)},
    servers={"studio": PartSeen(Word.OK), "engine": PartSeen(Word.OK)},
    tasks=(TaskSeen("read", "main", Word.OK), TaskSeen("state", "main", Word.OK)),
    requests={"read": RequestsSeen(100.0)},
    disk_free_mb=10_000,
    memory_available_mb=4000,
)
BLIND = tuple(TaskSeen(name, "main", Word.BLIND, "no model is ready", ("studio",)) for name in ("read", "state"))
DOWN = replace(
    WELL, servers={**WELL.servers, "studio": PartSeen(Word.RECOVERING, "it died by signal 9")}, tasks=BLIND
)
OFFLINE = replace(
    WELL,
    sources={"main": PartSeen(Word.BLIND, "no picture for 12 s: OBS is away", 12.0)},
    tasks=tuple(TaskSeen(name, "main", Word.BLIND, "no picture", ()) for name in ("read", "state")),
)


class Days:
    """A judge, shown one snapshot after the other as time goes on."""

    def __init__(self, told: list[dict[str, Any]] | None = None, **rules: Any) -> None:
        self.judge = Judge(Alerts(rules=rules).in_force, told or [])
        self.now_s = 0.0

    def told(self) -> list[dict[str, Any]]:
        return [entry for entry in self.judge.active() if entry["told"]]

    def pass_(self, for_s: float, seen: Snapshot, step_s: float = 2.0) -> list[Notice]:
        """What is told while the daemon looks like this for so long."""
        notices, ends_s = [], self.now_s + for_s
        while self.now_s < ends_s:
            self.now_s += step_s
            at = BEGAN + timedelta(seconds=self.now_s)
            notices += self.judge.look(replace(seen, mono_s=self.now_s, at=at))
        return notices


def said(notices: list[Notice]) -> list[tuple[str, str, tuple[str, ...]]]:
    return [(each.kind, each.rule, each.subjects) for each in notices]


def test_what_is_well_says_nothing() -> None:
    """An hour of a daemon that is well."""
    assert Days().pass_(3600, WELL, step_s=10) == []


@pytest.mark.parametrize("trouble", [DOWN, OFFLINE])
def test_a_blip_says_nothing(trouble: Snapshot) -> None:
    """What is over before its hold-off is never told, neither its beginning nor its end."""
    days = Days()
    for _ in range(5):
        assert days.pass_(16, trouble) == []
        assert days.pass_(60, WELL) == []


def test_a_server_that_is_down_is_one_notice_with_its_cause_and_what_follows_from_it() -> None:
    """Two tasks are blind because of it: one notice names the server, why, and both tasks; its end is one more."""
    days = Days()
    days.pass_(10, WELL)
    (problem,) = days.pass_(3600, DOWN)
    assert (problem.kind, problem.subjects, problem.severity) == ("problem", ("server:studio",), "critical")
    assert problem.title == "server 'studio' is down"
    assert problem.text.split("\n") == [
        "server 'studio' is down: it died by signal 9",
        "therefore task 'main/read' is blind",
        "therefore task 'main/state' is blind",
    ]
    (over,) = days.pass_(600, WELL)
    assert (over.kind, over.subjects) == ("recovered", ("server:studio",))
    assert "it lasted 3600 s" in over.text


def test_a_source_that_is_offline_is_one_notice_after_so_many_seconds_without_a_picture() -> None:
    """The hold-off counts from the last picture, not from when that was noticed."""
    days = Days()
    assert days.pass_(16, OFFLINE) == []
    (problem,) = days.pass_(4, OFFLINE)
    assert problem.subjects == ("source:main",)
    assert "OBS is away" in problem.text
    assert problem.since == "2025-12-31T23:59:50Z"


def test_what_outlives_its_cause_is_told_for_itself_after_its_own_hold_off() -> None:
    """The server is back, a task is still blind: that is another trouble, which begins now."""
    days = Days()
    days.pass_(60, DOWN)
    still = replace(WELL, tasks=(replace(BLIND[0], waits_for=()), WELL.tasks[1]))
    assert said(days.pass_(26, still)) == [("recovered", "server_down", ("server:studio",))]
    assert said(days.pass_(10, still)) == [("problem", "blind_task", ("task:main/read",))]


def test_a_fallback_is_told_with_the_server_that_it_comes_of_or_for_itself() -> None:
    """While its first server is down it is a line of that notice; without one it is told after two minutes."""
    fallback = (
        replace(WELL.tasks[0], word=Word.FALLBACK, reason="'ocr' reads it", waits_for=("studio",)),
        WELL.tasks[1],
    )
    (problem,) = Days().pass_(600, replace(DOWN, tasks=fallback))
    assert "therefore task 'main/read' is on a fallback" in problem.text
    days = Days()
    assert days.pass_(100, replace(WELL, tasks=fallback)) == []
    (alone,) = days.pass_(600, replace(WELL, tasks=fallback))
    assert (alone.rule, alone.severity, alone.subjects) == ("fallback", "warning", ("task:main/read",))


def test_a_rule_that_is_off_is_not_the_cause_of_another_one() -> None:
    """Who does not want to hear of servers hears of the blind tasks, together, with their reason."""
    (problem,) = Days(server_down=None).pass_(600, DOWN)
    assert problem.subjects == ("task:main/read", "task:main/state")
    assert problem.title == "task 'main/read' is blind, and 1 more alike"
    assert "no model is ready" in problem.text


def test_a_thousand_sources_that_go_together_are_one_bounded_notice() -> None:
    """A network that is away is one notice, which says how many more there are."""
    names = [f"s{number}" for number in range(1000)]
    gone = replace(WELL, sources={name: PartSeen(Word.BLIND, "away") for name in names}, tasks=())
    (problem,) = Days().pass_(60, gone, step_s=20)
    assert problem.title == "source 's0' is offline, and 999 more alike"
    assert problem.text.endswith("and 950 more")


def test_within_its_cool_down_what_comes_again_and_again_is_told_once() -> None:
    """Each time it lasts long enough; the second notice comes when the cool-down is over, if it still lasts."""
    days = Days(server_down={"cooldown_s": 600})
    kinds = [each.kind for _ in range(4) for each in days.pass_(40, DOWN) + days.pass_(40, WELL)]
    assert kinds == ["problem", "recovered"]
    assert [each.kind for each in days.pass_(600, DOWN)] == ["problem"]


def test_a_short_return_is_no_end() -> None:
    """A server that is ready for a moment between two crashes has not recovered."""
    days = Days()
    days.pass_(60, DOWN)
    for _ in range(20):
        assert days.pass_(4, WELL) == []
        assert days.pass_(20, DOWN) == []
    assert [each.kind for each in days.pass_(60, WELL)] == ["recovered"]


@pytest.mark.parametrize("word", [Word.UNKNOWN, Word.PAUSED, Word.STARTING])
def test_what_cannot_be_judged_neither_begins_nor_ends_a_trouble(word: Word) -> None:
    """A server that was not seen working is not known to be back, and one that is not known is not told."""
    unknown = replace(WELL, servers={"studio": PartSeen(word)}, tasks=())
    days = Days()
    assert days.pass_(600, unknown) == []
    days.pass_(60, DOWN)
    assert days.pass_(600, unknown) == []
    assert "server:studio" in [entry["subject"] for entry in days.told()]


def test_what_is_watched_no_more_ends_its_trouble_and_says_so() -> None:
    """A source that the configuration does not have any more has not recovered."""
    days = Days()
    days.pass_(60, OFFLINE)
    (over,) = days.pass_(4, replace(WELL, sources={}, tasks=()))
    assert "not watched any more" in over.text
    assert days.judge.active() == []


def test_a_source_that_is_left_alone_is_not_told_but_others_are() -> None:
    """`without` names a source that sleeps by night, `only` those that matter."""
    both = replace(OFFLINE, sources={name: PartSeen(Word.FROZEN, "still") for name in ("main", "night")}, tasks=())
    assert said(Days(source_offline={"without": ["night"]}).pass_(60, both)) == [
        ("problem", "source_offline", ("source:main",))
    ]
    assert said(Days(source_offline={"only": ["night"]}).pass_(60, both)) == [
        ("problem", "source_offline", ("source:night",))
    ]


def test_another_judge_goes_on_where_one_ended() -> None:
    """After a restart a trouble that was told is not told again, and its end is."""
    first = Days()
    first.pass_(60, DOWN)
    again = Days(first.told())
    assert again.pass_(600, DOWN) == []
    assert said(again.pass_(60, WELL)) == [("recovered", "server_down", ("server:studio",))]


def answered(*seconds: float | None) -> Mapping[str, RequestsSeen]:
    return {"read": RequestsSeen(100.0, [(1000.0, each) for each in seconds])}


@pytest.mark.parametrize(
    ("requests", "rule"),
    [
        (answered(*[0.05] * 96, *[0.5] * 4), None),
        (answered(*[0.05] * 90, *[0.5] * 10), "latency"),
        (answered(*[0.5] * 19), None),
        (answered(*[0.05] * 90, *[None] * 10), None),
        (answered(*[0.05] * 80, *[None] * 20), "error_rate"),
        (answered(*[None] * 19), None),
    ],
    ids=["within", "slow", "too few to tell", "few fail", "many fail", "too few fail"],
)
def test_slow_and_failing_requests_are_told_by_their_share(
    requests: Mapping[str, RequestsSeen], rule: str | None
) -> None:
    """p95 against the target of 100 ms, failures against one in ten, both only of enough requests."""
    days = Days(latency={"window_s": 3600}, error_rate={"window_s": 3600})
    days.now_s = 1000
    notices = days.pass_(300, replace(WELL, requests=requests))
    assert [each.rule for each in notices] == ([] if rule is None else [rule])


def test_requests_that_are_long_ago_are_forgotten() -> None:
    """A window has an end: what was slow an hour ago tells nothing of now."""
    days = Days()
    days.now_s = 5000
    assert days.pass_(600, replace(WELL, requests=answered(*[0.5] * 100))) == []


@pytest.mark.parametrize(
    ("seen", "rule"),
    [
        (replace(WELL, disk_free_mb=100), "disk"),
        (replace(WELL, disk_free_mb=None), None),
        (replace(WELL, memory_available_mb=100), "memory"),
        (replace(WELL, own_memory="the daemon holds 1900 MB, 93 % of its limit"), "memory"),
        (replace(WELL, memory_available_mb=None), None),
    ],
)
def test_disk_and_memory_are_told_when_they_run_out(seen: Snapshot, rule: str | None) -> None:
    """What could not be measured is no trouble, and no well-being either."""
    assert [each.rule for each in Days().pass_(120, seen)] == ([] if rule is None else [rule])


@pytest.mark.parametrize(
    ("condition", "value", "tells"),
    [
        ({"above": 1000}, "1785.42", True),
        ({"above": 1785.42}, "1785.42", False),
        ({"below": 1000}, "999.99", True),
        ({"below": 1000}, None, False),
        ({"above": 1}, "idle", False),
        ({"equals": "bonus"}, "bonus", True),
        ({"equals": 1785.4}, "1785.40", True),
        ({"equals": True}, True, True),
        ({"equals": 1}, True, False),
        ({"differs_from": "idle"}, "bonus", True),
        ({"differs_from": "idle"}, None, False),
        ({"contains": "lost"}, "Connection LOST", True),
        ({"missing": True}, None, True),
        ({"missing": True}, "0", False),
    ],
)
def test_a_reading_is_told_when_it_meets_a_condition(condition: dict[str, Any], value: Any, tells: bool) -> None:  # noqa: FBT001
    """Amounts compare as numbers; a value that is not known meets `missing` and nothing else."""
    task = replace(WELL.tasks[0], values={"grand": value})
    days = Days(mine={"when": "reading", "task": "read", "field": "grand", **condition})
    notices = days.pass_(2, replace(WELL, tasks=(task,)))
    assert [each.subjects for each in notices] == ([("reading:main/read/grand",)] if tells else [])


def test_a_value_that_becomes_unknown_is_no_end_and_one_that_is_well_is() -> None:
    """Below the bound, then unreadable, then above it: one beginning, one end."""

    def reading(value: str | None) -> Snapshot:
        return replace(WELL, tasks=(replace(WELL.tasks[0], values={"grand": value}),))

    days = Days(low={"when": "reading", "task": "read", "field": "grand", "below": 10})
    assert [each.kind for each in days.pass_(10, reading("5"))] == ["problem"]
    assert days.pass_(60, reading(None)) == []
    assert [each.kind for each in days.pass_(10, reading("20"))] == ["recovered"]


def test_a_value_that_is_missing_because_nothing_is_read_is_not_told_beside_that() -> None:
    """The blind task's cause is told; that its values are missing follows from it."""
    gone = tuple(replace(task, values={"grand": None}) for task in BLIND)
    rule = {"when": "reading", "task": "read", "field": "grand", "missing": True}
    (problem,) = Days(none=rule).pass_(600, replace(DOWN, tasks=gone))
    assert problem.subjects == ("server:studio",)
    assert "therefore main/read: grand is missing" in problem.text


def test_hostile_text_is_data_in_a_notice() -> None:
    """Line ends, escape sequences and secrets of a reason reach no header, no terminal and no mail."""
    reason = "line\r\nBcc: x@y\x1b[2J password=hunter2 " + "x" * 10_000
    (problem,) = Days().pass_(60, replace(WELL, servers={"studio": PartSeen(Word.FAILING, reason)}))
    assert "\r" not in problem.text
    assert "\x1b" not in problem.text
    assert "hunter2" not in problem.text
    assert len(problem.text) < 1000


@pytest.mark.parametrize(
    "rules",
    [
        {"mine": {"when": "reading", "task": "read", "field": "grand"}},
        {"mine": {"when": "reading", "task": "read", "field": "grand", "above": 1, "below": 2}},
        {"mine": {"when": "sunset"}},
        {"disk": {"channels": ["nobody"]}},
    ],
    ids=["no condition", "two conditions", "no such rule", "no such channel"],
)
def test_a_rule_that_cannot_be_meant_is_refused(rules: dict[str, Any]) -> None:
    """The configuration says so before anything starts."""
    with pytest.raises(ValidationError):
        Alerts.model_validate({"rules": rules})


def test_without_configuration_there_are_rules_and_what_is_said_of_one_leaves_the_others() -> None:
    """A default rule is changed by what differs, and switched off by null."""
    alerts = Alerts.model_validate({"rules": {"disk": {"below_mb": 9}, "latency": None}})
    assert alerts.in_force.keys() == Alerts().in_force.keys() - {"latency"}
    assert alerts.in_force["disk"].model_dump()["below_mb"] == 9
    assert len(Alerts().in_force) == 8
