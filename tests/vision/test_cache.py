"""The cache: monotonic expiry, bounds, one flight for equal questions, and no errors kept."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime

import pytest

from foureyes.exceptions import ServerTimeoutError
from foureyes.vision.answer import Answer
from foureyes.vision.cache import AnswerCache

ANSWER = Answer(
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
    read_mono_s=0.0,
)


class Clock:
    """A monotonic clock that the test moves."""

    def __init__(self) -> None:
        self.now_s = 100.0

    def __call__(self) -> float:
        return self.now_s


class Reader:
    """Counts real reads."""

    def __init__(self) -> None:
        self.reads = 0

    async def __call__(self) -> Answer:
        self.reads += 1
        await asyncio.sleep(0)
        return ANSWER


def keep(_answer: Answer) -> bool:
    return True


async def test_an_answer_is_kept_for_its_time_and_a_hit_does_not_extend_it() -> None:
    """Within 5 s the kept answer is served, behind them the picture is read again, hits or not."""
    clock, read = Clock(), Reader()
    cache = AnswerCache(ttl_s=5, max_entries=10, now=clock)
    origins = []
    for step_s in (0, 4, 0.9, 0.2):
        clock.now_s += step_s
        origins.append((await cache.answer("key", read, keep))[1])
    assert origins == ["inferred", "cached", "cached", "inferred"]
    assert read.reads == 2


async def test_a_moved_wall_clock_changes_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    """R27: a wall clock that jumps by a day neither expires nor extends an answer."""
    clock, read = Clock(), Reader()
    cache = AnswerCache(ttl_s=5, max_entries=10, now=clock)
    await cache.answer("key", read, keep)
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert (await cache.answer("key", read, keep))[1] == "cached"
    clock.now_s += 5.1
    monkeypatch.setattr("time.time", lambda: 0.0)
    assert (await cache.answer("key", read, keep))[1] == "inferred"


async def test_equal_questions_at_once_share_one_flight() -> None:
    """Two equal questions at the same time cost one read; the second is told that it shared."""
    read = Reader()
    cache = AnswerCache(ttl_s=5, max_entries=10)
    outcomes = await asyncio.gather(*(cache.answer("key", read, keep) for _ in range(5)))
    assert read.reads == 1
    assert [origin for _, origin in outcomes] == ["inferred", "shared", "shared", "shared", "shared"]


async def test_an_error_is_shared_by_those_who_wait_and_kept_by_nobody() -> None:
    """A failed read fails for all who joined it, and the next question reads again."""
    cache = AnswerCache(ttl_s=5, max_entries=10)

    async def fail() -> Answer:
        await asyncio.sleep(0)
        raise ServerTimeoutError("no answer")

    outcomes = await asyncio.gather(*(cache.answer("key", fail, keep) for _ in range(2)), return_exceptions=True)
    assert all(isinstance(outcome, ServerTimeoutError) for outcome in outcomes)
    assert (await cache.answer("key", Reader(), keep))[1] == "inferred"


async def test_answers_of_low_confidence_are_not_kept() -> None:
    """What the keep rule refuses is read again next time."""
    cache, read = AnswerCache(ttl_s=5, max_entries=10), Reader()
    for _ in range(2):
        await cache.answer("key", read, lambda answer: (answer.confidence or 0) > 0.95)
    assert read.reads == 2


async def test_the_cache_is_bounded() -> None:
    """A thousand different pictures leave no more than the bound behind."""
    cache, read = AnswerCache(ttl_s=5, max_entries=10), Reader()
    for number in range(1000):
        await cache.answer(str(number), read, keep)
    assert len(cache) == 10


class Flight:
    """A read that lasts until the test lets it land, and tells whether it was cancelled."""

    def __init__(self) -> None:
        self.land = asyncio.Event()
        self.cancelled = False

    async def __call__(self) -> Answer:
        try:
            await self.land.wait()
        except asyncio.CancelledError:
            self.cancelled = True
            raise
        return replace(ANSWER)


async def waiting(cache: AnswerCache, flight: Flight, number: int) -> list[asyncio.Task[tuple[Answer, str]]]:
    """Several who ask the same at once, all of them waiting."""
    tasks = [asyncio.create_task(cache.answer("key", flight, keep)) for _ in range(number)]
    await asyncio.sleep(0)
    return tasks


async def test_who_leaves_a_flight_takes_it_from_nobody_else() -> None:
    """When the one that began to read is cancelled, those who joined still get the answer, and it is kept."""
    cache, flight = AnswerCache(ttl_s=5, max_entries=10), Flight()
    first, *others = await waiting(cache, flight, 3)
    first.cancel()
    await asyncio.sleep(0)
    flight.land.set()
    assert [origin for _, origin in await asyncio.gather(*others)] == ["shared", "shared"]
    assert first.cancelled()
    assert (await cache.answer("key", Reader(), keep))[1] == "cached"


async def test_a_flight_that_everybody_left_is_cancelled() -> None:
    """When nobody waits for it any more the read ends, and the next question reads anew."""
    cache, flight = AnswerCache(ttl_s=5, max_entries=10), Flight()
    tasks = await waiting(cache, flight, 2)
    await asyncio.sleep(0)
    for task in tasks:
        task.cancel()
    await asyncio.wait(tasks)
    await asyncio.sleep(0)
    assert flight.cancelled
    assert (await cache.answer("key", Reader(), keep))[1] == "inferred"
