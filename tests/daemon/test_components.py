"""The words for the parts of a daemon: which one each gets, and which of several is told."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from foureyes.daemon.changes import Changes
from foureyes.daemon.components import server_word, summary
from foureyes.daemon.steps import StepHistory
from foureyes.servers.cerberus import Rung
from foureyes.servers.state import ServerSnapshot, ServerState
from foureyes.telemetry.words import Word
from foureyes.vision.reading import Reading

S, W = ServerState, Word
NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)
UP = ServerSnapshot("engine", S.READY, 0.0, "ready", models=("ocr",), probed_mono_s=0.0, probe_s=60)


@pytest.mark.parametrize(
    ("changed", "resting", "probe_age_s", "expected"),
    [
        ({}, False, 1.0, W.OK),
        ({}, False, 119.0, W.OK),
        ({}, False, 121.0, W.UNKNOWN),
        ({}, False, None, W.UNKNOWN),
        ({}, True, 1.0, W.DEGRADED),
        ({"missing": {"vlm": "it cannot be served"}}, False, 1.0, W.DEGRADED),
        ({"missing": {"ocr": "loaded again"}, "healing": Rung.RELOAD}, False, 1.0, W.RECOVERING),
        ({"state": S.STOPPED}, False, None, W.STARTING),
        ({"state": S.LOADING}, False, None, W.STARTING),
        ({"state": S.LOADING, "restarts": 1}, False, 1.0, W.RECOVERING),
        ({"state": S.STARTING, "healing": Rung.RESTART}, False, 1.0, W.RECOVERING),
        ({"state": S.FAILED}, False, 1.0, W.RECOVERING),
        ({"state": S.FAILED, "healing": Rung.ASK_AGAIN}, False, 1.0, W.FAILING),
        ({"state": S.DEGRADED, "restarts": 4}, False, 1.0, W.DEGRADED),
        ({"state": S.STARTING, "restarts": 4, "retrying": True}, False, 1.0, W.DEGRADED),
        ({"state": S.STOPPING}, False, 1.0, W.OFF),
    ],
)
def test_the_word_for_a_server(
    changed: dict[str, Any],
    resting: bool,  # noqa: FBT001 - a column of the table
    probe_age_s: float | None,
    expected: Word,
) -> None:
    """Ready is green only with a fresh answer; what heals itself recovers; what needs a person fails."""
    assert server_word(replace(UP, **changed), is_resting=resting, probe_age_s=probe_age_s) is expected


def test_the_weightiest_word_is_told_and_causes_before_what_follows() -> None:
    """Of two alike the source is told and not its task; a milder trouble only counts."""
    parts: dict[str, dict[str, Any]] = {
        "task:main/read": {"state": W.BLIND, "reason": "no picture for 12 s"},
        "server:engine": {"state": W.RECOVERING, "reason": "restarting"},
        "source:main": {"state": W.BLIND, "reason": "no picture for 12 s", "since": "2026-11-21T12:00:00.000Z"},
        "mongo": {"state": W.OFF},
    }
    told = summary(parts)
    assert told["sentence"] == "source main is blind: no picture for 12 s"
    assert (told["component"], told["since"], told["others"]) == ("source:main", parts["source:main"]["since"], 2)
    assert summary({"mongo": {"state": W.OFF}, "source:main": {"state": W.OK}})["component"] is None


def test_a_change_is_told_once_with_the_moment_it_began() -> None:
    """A part keeps its `since` as long as its word stays, and only another word is an event."""
    now, told = NOON, list[Any]()
    changes = Changes(lambda _kind, data: told.append(data), lambda: now)
    for seconds, state in enumerate([W.OK, W.OK, W.BLIND, W.BLIND]):
        now = NOON + timedelta(seconds=seconds)
        noted = changes.note({"source:main": {"state": state, "reason": None}})
    assert noted["source:main"]["since"] == "2026-11-21T12:00:02.000Z"
    assert [(each["before"], each["state"]) for each in told] == [("ok", "blind")]


def reading(number: int, source: str = "main") -> Reading:
    return Reading(
        "read", source, f"{source}-{number}", NOON, None, None, NOON + timedelta(seconds=number), None,
        {"number": number // 2}, None, None, {}, {}, "ocr", "engine", None, "inferred", fallback=False,
    )  # fmt: skip


def test_equal_readings_are_one_step_and_a_thousand_sources_stay_bounded() -> None:
    """Two equal readings in a row are one step that lasts; however many sources there are, all is bounded."""
    history = StepHistory()
    for number in range(4):
        history.add(reading(number))
    steps = history.steps("main", "read")
    assert [(step["values"]["number"], step["times"]) for step in steps] == [(0, 2), (1, 2)]
    assert (steps[0]["since"], steps[0]["until"]) == ("2026-11-21T12:00:00.000Z", "2026-11-21T12:00:01.000Z")
    for number in range(60):
        for source in range(1000):
            history.add(reading(number, f"source{source}"))
    assert sum(len(history.steps(source, task)) for source, task in history.keys()) <= 11_000  # noqa: SIM118
