"""Mailbox and cache, for any order of events: nothing is lost uncounted, nothing is served beyond its time."""

from __future__ import annotations

import asyncio
from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st
from parts.hand_clock import HandClock

from foureyes.vision.answer import Answer
from foureyes.vision.cache import AnswerCache
from foureyes.vision.mailbox import Mailbox

TTL_S, MOST = 5.0, 3


def answer_at(time_s: float) -> Answer:
    return Answer(
        values={"balance": "1.00"},
        withheld={},
        evidence={},
        confidence=0.9,
        confidence_from="test",
        model_says=None,
        model="read",
        server="engine",
        latency_ms=1.0,
        fallback=False,
        frame_id="main-000001",
        read_at=datetime(2026, 1, 1, tzinfo=UTC),
        read_mono_s=time_s,
    )


@given(st.lists(st.sampled_from(["put", "take"]), max_size=60))
def test_every_item_is_taken_or_counted_and_the_newest_is_next(moves: list[str]) -> None:
    """What is put is handed out, waiting or counted as dropped; what is handed out is always the newest."""
    dropped: list[None] = []
    box: Mailbox[int] = Mailbox(lambda: dropped.append(None))
    taken, last, waiting = 0, 0, False
    for move in moves:
        if move == "put":
            last += 1
            box.put(last)
            waiting = True
        else:
            item = box.take_now()
            assert item == (last if waiting else None)
            taken, waiting = taken + (item is not None), False
    assert last == taken + len(dropped) + waiting


@given(st.lists(st.tuples(st.sampled_from("abcde"), st.floats(0, 3)), max_size=60))
def test_nothing_is_served_beyond_its_time_and_the_bound_holds(questions: list[tuple[str, float]]) -> None:
    """Whatever is asked when, a cached answer is younger than the TTL, and never more are kept than allowed."""
    clock = HandClock()
    cache = AnswerCache(ttl_s=TTL_S, max_entries=MOST, now=clock)

    async def read() -> Answer:
        return answer_at(clock())

    async def ask_all() -> None:
        for key, pause_s in questions:
            clock.move(pause_s)
            answer, origin = await cache.answer(key, read, lambda _: True)
            age_s = clock() - answer.read_mono_s
            assert age_s == 0 if origin == "inferred" else age_s < TTL_S
            assert len(cache) <= MOST

    asyncio.run(ask_all())


async def test_what_may_no_longer_be_served_is_read_again() -> None:
    """The rule is asked again at each hit: an answer that it no longer passes is replaced by a new one."""
    clock = HandClock()
    cache = AnswerCache(ttl_s=TTL_S, max_entries=MOST, now=clock)

    async def read() -> Answer:
        return answer_at(clock())

    origins = []
    for _ in range(3):
        origins.append((await cache.answer("key", read, lambda answer: clock() - answer.read_mono_s < 2))[1])
        clock.move(1.5)
    assert origins == ["inferred", "cached", "inferred"]


async def test_a_forgotten_answer_is_read_again() -> None:
    """What was told to be forgotten is asked anew; to forget what is not there is harmless."""
    cache = AnswerCache(ttl_s=TTL_S, max_entries=MOST)

    async def read() -> Answer:
        return answer_at(0)

    cache.forget("key")
    await cache.answer("key", read, lambda _: True)
    cache.forget("key")
    assert (await cache.answer("key", read, lambda _: True))[1] == "inferred"


async def test_a_fault_in_a_flight_reaches_those_who_joined_as_what_it_is() -> None:
    """An unforeseen fault is raised for all who share the flight; none of them is cancelled by it."""
    cache = AnswerCache(ttl_s=TTL_S, max_entries=MOST)

    async def fail() -> Answer:
        await asyncio.sleep(0)
        raise KeyError("unforeseen")

    asked = [asyncio.create_task(cache.answer("key", fail, lambda _: True)) for _ in range(3)]
    await asyncio.wait(asked, timeout=5)
    for task in asked:
        assert not task.cancelled()
        with pytest.raises(KeyError, match="unforeseen"):
            task.result()
