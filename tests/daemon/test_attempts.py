"""Attempts at a reading, from outside: what is retried and how, what is never published, and what is too late."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import Any

import psutil
import pytest
from parts.watched import Watched, drawn, task, watching

NO_ANSWERS = (
    "garbage", "half", "wrong_model", "length", "schema", "nan", "infinity", "nan_evidence", "surrogate",
    "bad_remarks", "deep",
)  # fmt: skip
OUTCOMES = {"wrong_model": "WrongModelError", "length": "AnswerCutError"}
"""What is counted under a name of its own."""
REFUSALS = ("refuse", "refuse_in_prose")
SLOW = ("hang", "drip")
TASKS = {
    "calm": task(),
    "retried": task(),
    "doomed": task(),
    "late": task(),
    "old": task(max_age_s=2),
    "huge": task(),
    **{f"bad_{kind}": task() for kind in (*NO_ANSWERS, *REFUSALS)},
    **{kind: task(timeout_s=1) for kind in SLOW},
}
RSS_GROWTH_BYTES = 50_000_000
"""Half of the body that is refused."""


@dataclass(frozen=True)
class Story:
    """What the tasks were asked and what they published after the test began to show pictures."""

    watched: Watched
    shown: tuple[str, ...]
    requests: dict[str, list[dict[str, Any]]]
    readings: dict[str, list[dict[str, Any]]]
    too_old: float

    def good(self, name: str) -> list[dict[str, Any]]:
        return [request for request in self.requests[name] if request["fail"] is None]

    def origins(self, name: str, origin: str | None) -> list[dict[str, Any]]:
        return [reading for reading in self.readings[name] if reading["origin"] == origin]


class Telling:
    """Notes how far each task is, and tells what came after."""

    def __init__(self, watched: Watched) -> None:
        self._watched = watched
        watched.settle(*TASKS)
        self.asked = {name: len(watched.engine.requests(name)) for name in TASKS}
        self.too_old = watched.dropped("task", "too_old")
        self.published = {name: len(watched.readings(name)) for name in TASKS}

    def requests(self, name: str) -> list[dict[str, Any]]:
        return self._watched.engine.requests(name)[self.asked[name] :]

    def wait_requests(self, name: str, number: int) -> None:
        self._watched.daemon.wait(lambda: len(self.requests(name)) >= number, f"{number} requests of {name}", 60)

    def story(self, *shown: str) -> Story:
        readings = {name: self._watched.readings(name)[self.published[name] :] for name in TASKS}
        requests = {name: self.requests(name) for name in TASKS}
        too_old = self._watched.dropped("task", "too_old") - self.too_old
        return Story(self._watched, shown, requests, readings, too_old)


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("attempts"), TASKS) as running:
        yield running


@pytest.fixture(scope="module")
def failures(watched: Watched) -> Story:
    """Three pictures: at the first the bad ones fail once; one task fails twice and one three times."""
    telling = Telling(watched)
    for kind in (*NO_ANSWERS, *REFUSALS):
        watched.engine.control(f"bad_{kind}", fail=kind, times=1)
    watched.engine.control("retried", fail="500", times=2)
    watched.engine.control("doomed", fail="500", times=3)
    shown = []
    for number in (1, 2, 3):
        shown.append(watched.screen.show(drawn(f"failure {number}")))
        for name in ("retried", "doomed", *([f"bad_{kind}" for kind in NO_ANSWERS] if number == 1 else ())):
            telling.wait_requests(name, number)
    watched.settle(*TASKS)
    return telling.story(*shown)


@pytest.fixture(scope="module")
def delays(watched: Watched, failures: Story) -> tuple[Story, int, int]:  # noqa: ARG001 - one after the other
    """One picture that some answer late, slowly or never; with the frames that passed and the growth of memory."""
    telling, process = Telling(watched), psutil.Process(watched.daemon.process.pid)
    watched.engine.control("late", delay_s=3.2, times=1)
    watched.engine.control("old", delay_s=2.5, times=1)
    for kind in (*SLOW, "huge"):
        watched.engine.control(kind, fail=kind, times=1)
    frames, resident, peak = watched.daemon.frames(), process.memory_info().rss, 0
    shown = watched.screen.show(drawn("delayed"))

    def all_done() -> bool:
        nonlocal peak
        peak = max(peak, process.memory_info().rss)
        asked_again = all(len(telling.requests(name)) > 1 for name in ("old", "huge", *SLOW))
        return asked_again and len(telling.story().origins("late", "inferred")) > 0

    watched.daemon.wait(all_done, "the late, the slow and the huge are over", 60)
    frames = watched.daemon.frames() - frames
    watched.settle(*TASKS)
    return telling.story(shown), frames, peak - resident


def test_a_retry_sends_the_newest_frame(failures: Story) -> None:
    """After a failed attempt the picture of now is sent, not the one that failed; 2 s and 4 s lie between."""
    requests = failures.requests["retried"]
    assert [request["fail"] for request in requests] == ["500", "500", None]
    assert [request["pictures"] for request in requests] == [[shown] for shown in failures.shown]
    first, second, third = (request["time_s"] for request in requests)
    assert second - first >= 2
    assert third - second >= 4


def test_what_was_retried_is_published_with_the_frame_that_was_read(failures: Story) -> None:
    """The one reading is of the frame of the successful attempt, and nothing was published before it."""
    (inferred,) = failures.origins("retried", "inferred")
    assert inferred["read_frame_id"] == inferred["frame_id"]
    assert not failures.origins("retried", None)


def test_r5_three_failed_attempts_are_one_final_failure_logged_once(failures: Story) -> None:
    """R5: three attempts fail: one error, one reading all null with no_model, and one word when it works again."""
    assert [request["fail"] for request in failures.requests["doomed"]] == ["500", "500", "500", None]
    (failed,) = failures.watched.events("task.failing", "doomed")
    assert failed["level"] == "error"
    assert "3 attempts" in failed["message"]
    assert "out of luck" in failed["message"]
    assert len(failures.watched.events("task.recovered", "doomed")) == 1
    (nothing,) = failures.origins("doomed", None)
    assert set(nothing["values"].values()) == {None}
    assert set(nothing["withheld"].values()) == {"no_model"}


def test_attempts_that_succeed_in_the_end_are_no_failure(failures: Story) -> None:
    """Where the third attempt answers, no failure is logged."""
    assert not failures.watched.events("task.failing", "retried")


@pytest.mark.parametrize("kind", NO_ANSWERS)
def test_what_is_no_answer_is_a_failed_attempt(failures: Story, kind: str) -> None:
    """Garbage, half a body, another model, a cut answer, a broken schema, NaN: tried again, never published."""
    name = f"bad_{kind}"
    assert [request["fail"] for request in failures.requests[name]][:2] == [kind, None]
    assert len(failures.origins(name, "inferred")) == len(failures.good(name)) >= 1
    assert not failures.origins(name, None)
    outcome = OUTCOMES.get(kind, "ServerReplyError")
    assert failures.watched.metric("foureyes_inferences_total", task=name, outcome=outcome) == 1
    assert not failures.watched.events("task.fault", name)


@pytest.mark.parametrize("kind", REFUSALS)
def test_a_refusal_for_good_is_not_retried(failures: Story, kind: str) -> None:
    """A request refused with 400 fails at once, whatever its body, and is asked again only after a pause."""
    name = f"bad_{kind}"
    (failed,) = failures.watched.events("task.failing", name)
    assert "1 attempt" in failed["message"]
    nothing = failures.origins(name, None)
    assert {reason for reading in nothing for reason in reading["withheld"].values()} == {"no_model"}
    first, second, *_ = failures.requests[name]
    assert second["time_s"] - first["time_s"] >= 0.9


def test_a_late_answer_is_published_with_its_true_age(delays: tuple[Story, int, int]) -> None:
    """An answer after 3 s is the reading of the frame that the model saw, as old as it is."""
    (late,) = delays[0].origins("late", "inferred")
    assert late["age_ms"] >= 3000
    assert late["read_frame_id"] == late["frame_id"]
    assert len(delays[0].requests["late"]) == 1


def test_the_clock_waits_for_nobody(delays: tuple[Story, int, int]) -> None:
    """While answers are late frames go on, and the looks that nobody took are counted."""
    story, frames, _ = delays
    assert frames >= 10
    assert story.watched.dropped("task", "superseded") >= 10


def test_an_answer_over_its_age_is_discarded_and_counted(delays: tuple[Story, int, int]) -> None:
    """An answer older than max_age_s is not published and not kept: the next look asks again."""
    story = delays[0]
    assert story.too_old == 1
    assert len(story.requests["old"]) == 2
    (reading,) = story.origins("old", "inferred")
    assert reading["age_ms"] <= 2000
    assert not story.origins("old", "cached")


def test_r7_a_hung_request_is_ended_and_is_an_attempt(delays: tuple[Story, int, int]) -> None:
    """R7: after timeout_s the connection of a hung request is really closed, and the next attempt is read."""
    story = delays[0]
    assert [request["fail"] for request in story.requests["hang"]] == ["hang", None]
    assert {"gone": True} in story.watched.engine.notes()
    assert len(story.origins("hang", "inferred")) == 1


def test_a_server_that_drips_does_not_outlast_the_timeout(delays: tuple[Story, int, int]) -> None:
    """The timeout covers the whole exchange, so that a byte now and then does not hold a task for minutes."""
    story = delays[0]
    assert [request["fail"] for request in story.requests["drip"]] == ["drip", None]
    assert len(story.origins("drip", "inferred")) == 1


def test_a_hang_holds_up_no_other_task(delays: tuple[Story, int, int]) -> None:
    """Between the hung attempt and the next one, the other tasks read and publish."""
    story = delays[0]
    hung, again = (request["time_s"] for request in story.requests["hang"])
    asked = story.requests["calm"][0]["time_s"]
    assert hung - 1 < asked < again
    assert len(story.origins("calm", "held")) >= 10


def test_a_huge_reply_is_refused_without_eating_memory(delays: tuple[Story, int, int]) -> None:
    """A body of 100 MB is a failed attempt that the daemon's memory does not show."""
    story, _, growth_bytes = delays
    assert [request["fail"] for request in story.requests["huge"]] == ["huge", None]
    assert growth_bytes < RSS_GROWTH_BYTES
    assert len(story.origins("huge", "inferred")) == 1
