"""What is kept in memory for the page: the last lines of the log and the ways of the last frames, both bounded."""

from __future__ import annotations

import threading
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from typing import Any

import pytest
from loguru import logger

from foureyes.telemetry.log import also_told, event
from foureyes.telemetry.log_ring import LogRing, Wanted
from foureyes.telemetry.traces import Traces, looking_at

NOON = datetime(2026, 11, 21, 12, tzinfo=UTC)


@pytest.fixture
def ring() -> Iterator[LogRing]:
    """A ring of five lines that takes what is logged."""
    logger.remove()
    ring = LogRing(lambda _line: None, most=5)
    with also_told(ring.write):
        yield ring


def messages(ring: LogRing, **wanted: Any) -> list[str]:
    return [line["message"] for line in ring.lines(Wanted(**wanted), 100)]


def test_the_last_lines_are_kept_and_filtered(ring: LogRing) -> None:
    """By level and worse, by what they are about, by a part of them, and by their number."""
    for number in range(10):
        event("server.state", f"line {number}", level="info" if number % 2 else "error", server=f"s{number % 3}")
    event("web.listening", "look here")
    assert messages(ring) == ["line 6", "line 7", "line 8", "line 9", "look here"]
    assert messages(ring, level="warning") == ["line 6", "line 8"]
    assert messages(ring, component="server:s0") == ["line 6", "line 9"]
    assert messages(ring, component="web") == messages(ring, text="LISTEN") == ["look here"]
    assert messages(ring, after=ring.lines(Wanted(), 2)[0]["id"]) == ["look here"]


def test_lines_come_from_any_thread_and_are_told(ring: LogRing) -> None:
    """A line of another thread is there too, with a number of its own."""
    told: list[Mapping[str, Any]] = []
    with also_told(LogRing(told.append).write):
        threads = [threading.Thread(target=event, args=("x.y", f"from {number}")) for number in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    assert sorted(line["id"] for line in told) == [1, 2, 3, 4]
    assert len(messages(ring, component="x")) == 4


def test_steps_are_counted_to_the_frame_that_is_looked_at() -> None:
    """With the task and the time behind the capture; outside of a look a step is nobody's."""
    now_s = 10.0
    traces = Traces(lambda: now_s)
    now_s = 10.5
    traces.begin("main-1", "main", NOON, 10.0)
    traces.step("nobody", 0.1)
    now_s = 12.0
    with looking_at("main-1", "read"):
        traces.step("request", 1.0)
    found = traces.find("main-1")
    assert found is not None
    assert [(step.name, step.task, step.at_ms, step.took_ms) for step in found.steps] == [
        ("capture", None, 0.0, 500.0),
        ("request", "read", 1000.0, 1000.0),
    ]


def test_frames_and_steps_are_bounded() -> None:
    """The oldest frame goes, and a look that never ends does not grow for ever."""
    traces = Traces(lambda: 0.0, most=2)
    for number in range(3):
        traces.begin(f"main-{number}", "main", NOON, 0.0)
    assert [traces.find(f"main-{number}") is None for number in range(3)] == [True, False, False]
    with looking_at("main-2", "read"):
        for _ in range(1000):
            traces.step("request", 0.0)
    found = traces.find("main-2")
    assert found is not None
    assert len(found.steps) <= 200
