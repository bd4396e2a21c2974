"""Readings on all their ways out: the file, stdout, live events, HTTP and metrics tell the same."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from parts.foureyes import foureyes
from parts.watched import DrawnScreen, FakeEngine, Watched, drawn, task, watching, write_config

TASKS = {"calm": task(), "quick": task(fps=2)}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("publication"), TASKS) as running:
        yield running


def live_readings(watched: Watched, number: int) -> list[dict[str, Any]]:
    """The next readings of /events."""
    found: list[dict[str, Any]] = []
    kind = ""
    with httpx.stream("GET", f"{watched.daemon.url}/events", trust_env=False, timeout=30) as response:
        for line in response.iter_lines():
            name, _, text = line.partition(": ")
            kind = text if name == "event" else kind
            if name == "data" and kind == "reading":
                found.append(json.loads(text))
            if len(found) == number:
                break
    return found


def test_live_events_are_the_lines_of_the_file(watched: Watched) -> None:
    """Each reading of /events is a line of the readings file, with one key more that says whether it changed."""
    live = live_readings(watched, 12)
    changed = [reading.pop("changed") for reading in live]
    assert not any(changed)
    watched.daemon.wait(lambda: live[-1] in watched.daemon.readings(), "the file has them all")
    lines = watched.daemon.readings()
    first = lines.index(live[0])
    assert lines[first : first + len(live)] == live


def test_the_latest_readings_are_lines_of_the_file(watched: Watched) -> None:
    """/api/readings gives the last reading of each task, with its age now beside the age it was published with."""
    for _ in range(3):
        watched.screen.show(drawn("latest"))
        latest = watched.daemon.get("/api/readings")
        assert [reading["task"] for reading in latest] == ["calm", "quick"]
        for reading in latest:
            assert reading.pop("age_now_ms") >= reading["age_ms"]
        watched.daemon.wait(lambda: all(each in watched.daemon.readings() for each in latest), "the same lines")  # noqa: B023 - waited for here


def test_metrics_count_the_lines_of_the_file(watched: Watched) -> None:
    """looks_total by origin is what the file has, up to the reading that was counted last."""
    watched.screen.show(drawn("counted"))
    watched.settle("calm")
    counted = {origin: watched.metric("foureyes_looks_total", task="calm", origin=origin) for origin in ORIGINS}
    # the figures were fetched one after the other, held last: later looks can only be held ones
    lines = watched.readings("calm")[: int(sum(counted.values()))]
    assert Counter(reading["origin"] for reading in lines) == Counter(
        {origin: int(value) for origin, value in counted.items() if value}
    )


def test_metrics_count_the_requests(watched: Watched) -> None:
    """inferences_total is what the model server was really asked."""
    watched.settle("calm")
    asked = len(watched.engine.requests("calm"))
    assert watched.metric("foureyes_inferences_total", task="calm", outcome="ok") == asked


def test_a_task_with_a_cadence_of_its_own_looks_less(watched: Watched) -> None:
    """A task of 2 looks a second publishes fewer readings than one that takes every frame."""
    watched.settle("quick")
    assert len(watched.readings("quick")) < 0.7 * len(watched.readings("calm"))


ORIGINS = ("inferred", "cached", "shared", "none", "held")


@pytest.fixture(scope="module")
def on_stdout(tmp_path_factory: pytest.TempPathFactory) -> dict[str, str]:
    """What a still screen gives on stdout in two seconds, by --readings-on."""
    folder = tmp_path_factory.mktemp("stdout")
    with DrawnScreen() as screen, FakeEngine(folder / "engine", ["calm"]) as engine:
        config = write_config(folder, engine, {"calm": TASKS["calm"]}, [screen.source()])
        return {on: stdout(config, folder / on, on) for on in ("look", "change")}


def stdout(config: Path, state: Path, on: str) -> str:
    options = ("--readings", "-", "--readings-on", on, "--duration", "2", "--state-dir", str(state))
    done = foureyes("run", "--config", str(config), *options)
    assert done.returncode == 0, done.stderr
    return str(done.stdout)


def test_readings_on_stdout_are_json_lines_and_nothing_else(on_stdout: dict[str, str]) -> None:
    """With --readings - every line of stdout is a reading; what is for people goes to stderr."""
    lines = on_stdout["look"].splitlines()
    assert len(lines) >= 5
    assert {json.loads(line)["task"] for line in lines} == {"calm"}


def test_readings_on_change_are_fewer(on_stdout: dict[str, str]) -> None:
    """With --readings-on change a still screen is one line."""
    (line,) = on_stdout["change"].splitlines()
    assert json.loads(line)["origin"] == "inferred"
