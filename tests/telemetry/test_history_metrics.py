"""The history of requests: sums by minute on disk, what is made of them, and disks that do not take them."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import Any

import pytest

from foureyes.exceptions import HistoryError
from foureyes.telemetry.aggregates import Tokens
from foureyes.telemetry.families import MOST_SERIES
from foureyes.telemetry.history import MOST_HOURS, History, history_file
from foureyes.telemetry.metrics import Metrics

NOON_S = 1_795_262_400.0
SPENT = Tokens(prompt=30, completion=10)


class Clock:
    """A clock of the wall that a test sets."""

    def __init__(self) -> None:
        self.now_s = NOON_S

    def __call__(self) -> float:
        return self.now_s


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def history(tmp_path: Path, clock: Clock) -> History:
    return History(history_file(tmp_path), now=clock)


def note(history: History, times: int = 1, outcome: str = "ok", **more: Any) -> None:
    given: dict[str, Any] = {"task": "read", "seconds": 0.5 if outcome == "ok" else None, "tokens": None, **more}
    for _ in range(times):
        assert history.note(given["task"], outcome, given["seconds"], given["tokens"])


def test_the_nine_aggregates(history: History) -> None:
    """Totals, rates, averages and distributions of a window; an hour apart from an hour."""
    note(history, 6, tokens=SPENT)
    note(history, 2, task="state", seconds=1.5)
    note(history, 2, outcome="ServerTimeoutError")
    found = history.aggregates(1)
    assert found["total_requests"] == 10
    assert found["success_rate"] == 0.8
    assert found["error_rate"] == 0.2
    assert found["average_response_time_ms"] == 750
    assert found["average_tokens_per_request"] == 40
    assert found["average_streaming_speed_tokens_per_s"] == 20
    assert found["error_counts"] == {"ServerTimeoutError": 2}
    assert found["intent_distribution"] == {"read": 8, "state": 2}
    assert [each["total_requests"] for each in found["last_24h"]] == [0] * 23 + [10]


def test_what_was_not_measured_is_null(history: History) -> None:
    """Without a request no rate is claimed; a server that counts no tokens, or nought, has counted none."""
    empty = history.aggregates(1)
    assert empty["total_requests"] == 0
    for name in ("success_rate", "error_rate", "average_response_time_ms", "average_tokens_per_request"):
        assert empty[name] is None
    note(history, tokens=Tokens(0, 0))
    note(history)
    found = history.aggregates(1)
    assert found["average_response_time_ms"] == 500
    assert found["average_tokens_per_request"] is None
    assert found["average_streaming_speed_tokens_per_s"] is None
    assert found["tokens_per_s"] is None


def test_tokens_a_second_are_of_the_last_whole_minute(history: History, clock: Clock) -> None:
    """The minute that runs is not yet told; the one before it is."""
    note(history, 3, tokens=SPENT)
    assert history.aggregates(1)["tokens_per_s"] is None
    clock.now_s += 60
    assert history.aggregates(1)["tokens_per_s"] == 2.0


def test_a_window_has_what_fell_into_it(history: History, clock: Clock) -> None:
    """One hour, a day and the longest window each count what is younger than they are long."""
    for hours_ago in (MOST_HOURS - 1, 23, 0.5, 0):
        clock.now_s = NOON_S - hours_ago * 3600
        note(history)
        history.save()
    totals = {hours: history.aggregates(hours)["total_requests"] for hours in (0.1, 1, 24, MOST_HOURS)}
    assert totals == {0.1: 1, 1: 2, 24: 3, MOST_HOURS: 4}


def test_it_outlives_the_process(history: History, tmp_path: Path, clock: Clock) -> None:
    """What was saved is there for the next one, which adds to the same minute."""
    note(history, 3)
    history.save()
    again = History(history_file(tmp_path), now=clock)
    note(again, 2)
    again.save()
    assert History(history_file(tmp_path), now=clock).aggregates(1)["total_requests"] == 5


def test_old_minutes_go_and_those_of_a_wrong_clock_too(history: History, clock: Clock) -> None:
    """Thirty days are kept; what a clock that was wrong dated into next year goes once it is right again."""
    note(history)
    history.save()
    clock.now_s = NOON_S + 366 * 86_400
    note(history)
    history.save()
    assert history.aggregates(MOST_HOURS)["total_requests"] == 1
    clock.now_s = NOON_S
    note(history)
    history.save()
    found = history.aggregates(MOST_HOURS)
    assert (found["total_requests"], found["kept_since"]) == (1, found["to"])


def test_a_disk_that_does_not_take_it_is_waited_for(tmp_path: Path, clock: Clock) -> None:
    """While the folder cannot be used nothing raises where it is noted; afterwards all of it is there, once."""
    blocked = tmp_path / "state"
    blocked.write_text("a file where a folder should be")
    history = History(blocked / "metrics.db", now=clock)
    note(history, 4)
    history.save()
    with pytest.raises(HistoryError, match=r"metrics\.db"):
        history.aggregates(1)
    blocked.unlink()
    note(history, 1)
    history.save()
    assert history.aggregates(1)["total_requests"] == 5


def test_a_quiet_daemon_leaves_the_disk_alone(history: History, tmp_path: Path) -> None:
    """Where nothing was noted nothing is written, nor even opened."""
    history.save()
    assert not list(tmp_path.iterdir())


def test_a_damaged_file_is_set_aside(history: History, tmp_path: Path) -> None:
    """Rubbish in its place is kept under another name, and what was noted since is in a new one."""
    file = history_file(tmp_path)
    file.write_bytes(b"this is no database" * 300)
    note(history, 2)
    history.save()
    history.save()
    assert history.aggregates(1)["total_requests"] == 2
    assert (tmp_path / "metrics.db.damaged").read_bytes().startswith(b"this is no database")


def test_what_waits_is_bounded(history: History) -> None:
    """A flood of names that is never written ends at a bound, and what is beyond it is counted as dropped."""
    metrics = Metrics(history.note)
    for number in range(20_100):
        metrics.inference(f"task{number}", "m", outcome="ok", seconds=0.1)
    assert b'dropped_total{reason="not_written",where="metrics"} 100.0' in metrics.render()[0]


def test_noting_from_many_threads_loses_nothing(history: History) -> None:
    """Requests that end in several threads while others save are all counted."""
    threads = [threading.Thread(target=note, args=(history, 500)) for _ in range(4)]
    for each in threads:
        each.start()
    for _ in range(20):
        history.save()
    for each in threads:
        each.join()
    assert history.aggregates(1)["total_requests"] == 2000


def test_names_beyond_the_bound_are_other() -> None:
    """A metric has so many series and no more, whatever turns up in its labels; the sum stays right."""
    metrics = Metrics()
    for number in range(MOST_SERIES + 200):
        metrics.fault(f"component {number}", "high")
    lines = [
        line for line in metrics.render()[0].decode().splitlines() if line.startswith("foureyes_faults_total")
    ]
    assert len(lines) == MOST_SERIES + 1
    assert 'foureyes_faults_total{component="other",severity="other"} 200.0' in lines
