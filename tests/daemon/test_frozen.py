"""A source that hangs, told from outside apart from a screen on which nothing happens."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import pytest
from parts.foureyes import RunningDaemon
from parts.watched import DrawnScreen, FakeEngine, Watched, drawn, task

CLOCK = {"type": ["string", "null"], "format": "time", "x-clock": True}
STATE = {
    "enum": ["running", "idle", None],
    "x-cues": {"running": {"texts": ["running"], "motion": "moving"}, "idle": {"motion": "still"}},
}
TASKS = {"clock": {"clock": CLOCK}, "beside": {"note": {"type": ["string", "null"]}}, "state": {"state": STATE}}
"""By task, its fields."""


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One screen with three sources on it: one reads its clock, one its state, and one neither."""
    folder = tmp_path_factory.mktemp("frozen")
    with DrawnScreen() as screen, FakeEngine(folder / "engine", [*TASKS]) as engine:
        seen = {"main": ["clock", "beside"], "moving": ["state"], "quiet": ["beside"]}
        schemas = {name: {"type": "object", "properties": fields} for name, fields in TASKS.items()}
        document = {
            "sources": [screen.source(name, tasks=tasks) for name, tasks in seen.items()],
            "servers": [{"id": "engine", "kind": "engine", "url": engine.url, "check_s": 300}],
            "models": {name: {"server": "engine", "model_id": name} for name in TASKS},
            "tasks": {name: {**task(schema=schemas[name]), "models": [name]} for name in TASKS},
            "capture": {"still_s": 1},
            "log": {"level": "debug"},
        }
        (config := folder / "config.yaml").write_text(json.dumps(document), encoding="utf-8")
        engine.control("beside", values={"note": "well"})
        with RunningDaemon(folder, "--config", str(config)) as daemon:
            yield Watched(daemon.wait_ready(), engine, screen)


def source(watched: Watched, name: str) -> dict[str, Any]:
    return dict(watched.daemon.component(f"source:{name}"))


def wait_source(watched: Watched, name: str, state: str, cause: str | None = None) -> dict[str, Any]:
    def found() -> bool:
        now = source(watched, name)
        return (now["state"], now["cause"]) == (state, cause)

    watched.daemon.wait(found, f"source {name} is {state} by {cause}", 60)
    return source(watched, name)


def test_r30_a_source_whose_own_clock_stands_is_frozen(watched: Watched) -> None:
    """R30: its clock does not go on: the source is frozen by name, and what it shows is stale, not the present."""
    watched.engine.control("clock", values={"clock": "12:00:01"})
    watched.screen.show(drawn("12:00:01"))
    assert "12:00:01" in wait_source(watched, "main", "frozen", "frozen")["reason"]
    seen = len(watched.readings("beside"))
    reading = watched.wait_reading("beside", seen, withheld={"note": "stale"})
    assert reading["values"] == {"note": None}
    watched.wait_reading("clock", len(watched.readings("clock")), withheld={"clock": "stale"})
    assert watched.events("source.stalled")


def test_r30_a_clock_that_goes_on_again_ends_it(watched: Watched) -> None:
    """R30: with the clock's next second the source gives pictures again, and its values are published."""
    wait_source(watched, "main", "frozen", "frozen")
    watched.engine.control("clock", values={"clock": "12:00:02"})
    seen = len(watched.readings("clock"))
    watched.screen.show(drawn("12:00:02"))
    assert watched.wait_reading("clock", seen, withheld={})["values"] == {"clock": "12:00:02"}
    assert watched.events("source.moving")


def test_r30_a_quiet_screen_is_not_frozen(watched: Watched) -> None:
    """R30: the same still pictures are no fault where nothing says that they ought to change."""
    wait_source(watched, "main", "frozen", "frozen")
    assert source(watched, "quiet")["state"] == "ok"
    assert not any(reading["withheld"] for reading in watched.readings("beside", "quiet"))
    assert not [each for each in watched.events("source.stalled") if each["source"] == "quiet"]


def test_r30_a_picture_that_says_that_it_moves_and_stands_is_frozen(watched: Watched) -> None:
    """R30: the state says moving, and no new bytes come: frozen; while it says idle, the same picture is quiet."""
    watched.engine.control("state", values={"state": "idle"})
    watched.screen.show(drawn("idle"))
    wait_source(watched, "moving", "ok")
    watched.wait_reading("state", len(watched.readings("state", "moving")), "moving", origin="held")
    watched.engine.control("state", values={"state": "running"})
    watched.screen.show(drawn("running"))
    assert "moves" in wait_source(watched, "moving", "frozen", "frozen")["reason"]
    seen = len(watched.readings("state", "moving"))
    watched.wait_reading("state", seen, "moving", withheld={"state": "stale"})
    watched.engine.control("state", values={"state": "idle"})
    watched.screen.show(drawn("idle again"))
    wait_source(watched, "moving", "ok")
