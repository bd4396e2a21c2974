"""What a look costs, from outside: held, read again, cached, shared, pairs and regions."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from parts.watched import WIDTH, Watched, drawn, task, watching

from foureyes.picture import decode

MOTION = {
    "type": "object",
    "properties": {"reels": {"enum": ["on", "off", None], "x-motion": {"moving": "on", "still": "off"}}},
    "required": ["reels"],
}
REGION = (0.1, 0.1, 0.3, 0.2)
TASKS = {
    "calm": task(),
    "again": task(reread_s=1),
    "kept": task(),
    "unsure": task(),
    "brief": task(max_age_s=1),
    "motion": {**task(), "schema": MOTION},
    "parts": task(regions={"amount": REGION}),
    "edge": task(regions={"*": REGION}),
    "twin": task(),
}


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One screen that two sources watch; the second one for one task alone."""
    sources: tuple[dict[str, Any], ...] = ({}, {"id": "other", "tasks": ["twin"]})
    with watching(tmp_path_factory.mktemp("looks"), TASKS, sources) as running:
        running.settle(*TASKS)
        yield running


def new_requests(watched: Watched, name: str, since: int) -> list[dict[str, Any]]:
    return watched.engine.requests(name)[since:]


def test_what_stands_still_is_held_without_a_request(watched: Watched) -> None:
    """Unchanged pixels are held: no request, the frame and time of what was read, an age that grows."""
    watched.screen.show(drawn("still"))
    watched.settle("calm")
    asked, seen = len(watched.engine.requests("calm")), len(watched.readings("calm"))
    watched.daemon.wait(lambda: len(watched.readings("calm")) >= seen + 6, "six more looks")
    held = watched.readings("calm")[seen:]
    assert len(watched.engine.requests("calm")) == asked
    assert {reading["origin"] for reading in held} == {"held"}
    assert len({reading["read_frame_id"] for reading in held}) == 1
    assert len({reading["frame_id"] for reading in held}) == len(held)
    ages = [reading["age_ms"] for reading in held]
    assert ages == sorted(ages)
    assert ages[-1] > ages[0] >= 0


def test_a_held_field_is_really_read_again_one_at_a_time(watched: Watched) -> None:
    """After reread_s each field is asked for alone, and equal answers leave the reading held."""
    watched.screen.show(drawn("read again"))
    watched.settle("again")
    asked, seen = len(watched.engine.requests("again")), len(watched.readings("again"))

    def fields() -> list[list[str]]:
        return [request["fields"] for request in new_requests(watched, "again", asked)]

    watched.daemon.wait(lambda: len(fields()) >= 2, "both fields are asked for again")
    assert fields()[:2] in ([["amount"], ["number"]], [["number"], ["amount"]])
    assert {reading["origin"] for reading in watched.readings("again")[seen:]} == {"held"}


def test_where_a_field_reads_differently_the_whole_task_is_read_anew(watched: Watched) -> None:
    """A re-read that contradicts what is held is followed by a real reading of all fields, not by the cache."""
    watched.screen.show(drawn("read differently"))
    watched.settle("again")
    asked, seen = len(watched.engine.requests("again")), len(watched.readings("again"))
    watched.engine.control("again", values={"amount": "2.00"})
    reading = watched.wait_reading("again", seen, values={"amount": "2.00", "number": None})
    assert reading["origin"] == "inferred"
    requests = [request["fields"] for request in new_requests(watched, "again", asked)]
    assert requests[requests.index(["amount", "number"]) - 1] == ["amount"]
    assert "cached" not in {reading["origin"] for reading in watched.readings("again")[seen:]}


def test_a_picture_that_comes_back_is_served_from_the_cache(watched: Watched) -> None:
    """A, B, A within the time to live: the second A is A's own answer, with its frame and its age."""
    first = drawn("A")
    watched.screen.show(first)
    watched.settle("kept", "unsure")
    accepted = watched.readings("kept")[-1]
    watched.screen.show(drawn("B"))
    watched.settle("kept", "unsure")
    asked, seen = len(watched.engine.requests("kept")), len(watched.readings("kept"))
    watched.screen.show(first)
    cached = watched.wait_reading("kept", seen, origin="cached")
    assert cached["read_frame_id"] == accepted["read_frame_id"] != cached["frame_id"]
    assert cached["latency_ms"] is None
    assert cached["age_ms"] > accepted["age_ms"]
    assert len(watched.engine.requests("kept")) == asked


def test_answers_of_low_confidence_are_not_cached(watched: Watched) -> None:
    """An answer below min_confidence is published and held, but its picture is read again when it comes back."""
    watched.engine.control("unsure", confidence=0.2)
    for text in ("C", "D", "C"):
        asked, seen = len(watched.engine.requests("unsure")), len(watched.readings("unsure"))
        watched.screen.show(drawn(text))
        assert watched.wait_reading("unsure", seen, origin="inferred")["confidence"] == 0.2
        assert len(watched.engine.requests("unsure")) == asked + 1


def test_a_cached_answer_over_its_age_is_read_anew(watched: Watched) -> None:
    """A kept answer that is older than max_age_s is not served any more: the picture is read anew."""
    watched.screen.show(drawn("E"))
    watched.settle("brief")
    watched.screen.show(drawn("F"))
    watched.settle("brief")
    watched.daemon.wait(lambda: watched.readings("brief")[-1]["age_ms"] > 1000, "a second passes")
    discarded, seen = watched.dropped("task", "too_old"), len(watched.readings("brief"))
    watched.screen.show(drawn("E"))
    watched.wait_reading("brief", seen, origin="inferred")
    assert watched.dropped("task", "too_old") == discarded


def test_a_pair_is_read_when_it_moves_and_once_more_when_it_has_stopped(watched: Watched) -> None:
    """Two pictures are sent, the newer first; two equal captures after a moving pair are read, then held."""
    before = watched.screen.show(drawn("moving"))
    watched.settle("motion")
    asked = len(watched.engine.requests("motion"))
    after = watched.screen.show(drawn("moved"))
    watched.settle("motion")
    pictures = [request["pictures"] for request in new_requests(watched, "motion", asked)]
    assert pictures == [[after, before], [after, after]]
    seen = len(watched.readings("motion"))
    watched.daemon.wait(lambda: len(watched.readings("motion")) >= seen + 4, "four more looks")
    assert len(new_requests(watched, "motion", asked)) == 2


def test_a_region_is_sent_as_a_lossless_picture_of_its_own(watched: Watched) -> None:
    """A field with a region has its own picture: the frame's pixels there, widened to the 16 px block."""
    asked = len(watched.engine.requests("parts"))
    watched.screen.show(drawn("regions"))
    watched.settle("parts")
    (request,) = new_requests(watched, "parts", asked)
    amount, number = (request["schema"]["properties"][name] for name in ("amount", "number"))
    assert (amount["x-alone"], "x-alone" in number) == (True, False)
    assert request["schema"]["x-pictures"] == len(request["pictures"]) == 2
    crop = decode(watched.engine.picture(request["pictures"][amount["x-picture"]]))
    whole = decode(watched.engine.picture(request["pictures"][number["x-picture"]]))
    assert np.array_equal(whole, watched.screen.pixels)
    assert np.array_equal(crop, watched.screen.pixels[16:80, 32:128])
    assert crop.shape[1] < REGION[2] * WIDTH + 2 * 16


def test_a_change_outside_its_region_costs_a_task_nothing(watched: Watched) -> None:
    """A task that looks at regions alone is held while other pixels change; the whole frame's task is read."""
    pixels = watched.screen.pixels.copy()
    pixels[200:, 250:] = 99
    asked = {name: len(watched.engine.requests(name)) for name in ("edge", "calm")}
    watched.screen.show(pixels)
    watched.settle("edge", "calm")
    assert len(watched.engine.requests("edge")) == asked["edge"]
    assert len(watched.engine.requests("calm")) == asked["calm"] + 1


def test_equal_questions_of_two_sources_share_one_flight(watched: Watched) -> None:
    """Two sources with the same pixels at once cost one request; the one that joined says whose frame was read."""
    watched.engine.control("twin", delay_s=1, times=1)
    asked = len(watched.engine.requests("twin"))
    seen = {source: len(watched.readings("twin", source)) for source in ("main", "other")}
    watched.screen.show(drawn("twins"))
    answered = ("inferred", "shared")

    def first(source: str) -> dict[str, Any] | None:
        later = watched.readings("twin", source)[seen[source] :]
        return next((reading for reading in later if reading["origin"] in answered), None)

    watched.daemon.wait(lambda: None not in map(first, seen), "a reading of both")
    readings = {source: reading for source in seen if (reading := first(source))}
    assert sorted(reading["origin"] for reading in readings.values()) == ["inferred", "shared"]
    assert len(new_requests(watched, "twin", asked)) == 1
    assert readings["main"]["read_frame_id"] == readings["other"]["read_frame_id"]
    assert {readings[source]["frame_id"].partition("-")[0] for source in readings} == {"main", "other"}
