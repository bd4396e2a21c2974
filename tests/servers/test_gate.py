"""The gate in front of a server: bounds, order, turns, ageing, and what a cancelled request leaves behind."""

from __future__ import annotations

import asyncio
import random
from collections import Counter
from collections.abc import Awaitable

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from parts.hand_clock import HandClock

from foureyes.exceptions import QueueFullError
from foureyes.servers.gate import Gate
from foureyes.servers.server import Priority

LOOP, HIGH, NORMAL, LOW = Priority


class Busy:
    """A gate, and requests through it that end one by one, when the test says so."""

    def __init__(self, max_requests: int, max_waiting: int = 100) -> None:
        self.clock = HandClock()
        self.dropped: Counter[tuple[str, str]] = Counter()
        self.gate = Gate("studio", max_requests, max_waiting, self._drop, self.clock)
        self.order: list[str] = []
        self.tasks: dict[str, asyncio.Task[None]] = {}
        self._ends: dict[str, asyncio.Event] = {}

    def _drop(self, where: str, reason: str) -> None:
        self.dropped[where, reason] += 1

    async def ask(self, name: str, priority: Priority, client: str = "") -> None:
        self._ends[name] = asyncio.Event()
        self.tasks[name] = asyncio.create_task(self._through(name, priority, client))
        await settle()

    async def _through(self, name: str, priority: Priority, client: str) -> None:
        async with self.gate.enter(priority, client):
            self.order.append(name)
            await self._ends[name].wait()

    async def end(self, name: str) -> None:
        self._ends[name].set()
        await settle()

    async def end_all(self) -> list[str]:
        """End whatever is inside, the oldest first, until nobody waits; the order in which all were let in."""
        ended = 0
        while ended < len(self.order):
            await self.end(self.order[ended])
            ended += 1
        return self.order


async def settle() -> None:
    for _ in range(5):
        await asyncio.sleep(0)


async def test_no_more_than_its_bound_are_inside_at_once() -> None:
    """Of five requests of the loop two are let in; each that ends makes room for one."""
    busy = Busy(2)
    for number in range(5):
        await busy.ask(f"l{number}", LOOP)
    assert (busy.gate.inside, busy.gate.waiting) == (2, 3)
    await busy.end("l0")
    assert busy.order == ["l0", "l1", "l2"]
    assert await busy.end_all() == ["l0", "l1", "l2", "l3", "l4"]
    assert (busy.gate.inside, busy.gate.waiting) == (0, 0)


async def test_the_loop_goes_before_every_operator() -> None:
    """A request of the loop that comes last is let in first."""
    busy = Busy(1)
    await busy.ask("inside", HIGH)
    await busy.ask("operator", HIGH)
    await busy.ask("loop", LOOP)
    assert await busy.end_all() == ["inside", "loop", "operator"]


async def test_operators_leave_a_place_for_the_loop() -> None:
    """However many operators ask, the loop's next request finds a place at once."""
    busy = Busy(3)
    for number in range(10):
        await busy.ask(f"o{number}", NORMAL)
    assert busy.gate.inside == 2
    await busy.ask("loop", LOOP)
    assert busy.order == ["o0", "o1", "loop"]


async def test_a_loop_that_never_rests_leaves_every_fourth_place_to_operators() -> None:
    """Where the loop always waits, operators are still served: one in four."""
    busy = Busy(1)
    for number in range(9):
        await busy.ask(f"l{number}", LOOP)
    for number in range(2):
        await busy.ask(f"o{number}", LOW)
    assert await busy.end_all() == ["l0", "l1", "l2", "l3", "o0", "l4", "l5", "l6", "o1", "l7", "l8"]


async def test_operators_go_by_priority() -> None:
    """High before normal before low, whatever the order in which they came."""
    busy = Busy(1)
    await busy.ask("inside", LOW)
    for name, priority in (("low", LOW), ("normal", NORMAL), ("high", HIGH)):
        await busy.ask(name, priority)
    assert await busy.end_all() == ["inside", "high", "normal", "low"]


async def test_clients_of_one_priority_take_turns() -> None:
    """A client with many requests does not keep one with few waiting, whoever came first."""
    busy = Busy(1)
    await busy.ask("inside", NORMAL, "other")
    for name in ("a1", "a2", "a3", "a4", "b1", "b2", "c1"):
        await busy.ask(name, NORMAL, name[0])
    assert await busy.end_all() == ["inside", "a1", "b1", "c1", "a2", "b2", "a3", "a4"]


async def test_a_new_client_does_not_go_before_those_who_waited_for_their_turn() -> None:
    """Names that are always new cannot starve a client that asks under one name."""
    busy = Busy(1)
    await busy.ask("inside", NORMAL, "other")
    for name in ("a1", "a2"):
        await busy.ask(name, NORMAL, "a")
    for number in range(4):
        await busy.end(busy.order[-1])
        await busy.ask(f"new{number}", NORMAL, f"new{number}")
    assert "a2" in busy.order


async def test_who_waits_long_counts_as_more_urgent() -> None:
    """A low request that waited 20 s goes before a high one that came just now."""
    busy = Busy(1)
    await busy.ask("inside", HIGH)
    await busy.ask("low", LOW)
    busy.clock.move(9)
    await busy.ask("normal", NORMAL, "other")
    busy.clock.move(11)
    await busy.ask("high", HIGH, "third")
    assert await busy.end_all() == ["inside", "low", "normal", "high"]


async def test_beyond_the_queue_operators_are_refused_and_the_loop_is_not() -> None:
    """The 101st that would wait gets an error that says when to come again, and is counted."""
    busy = Busy(2)
    for number in range(101):
        await busy.ask(f"o{number}", NORMAL)
    assert (busy.gate.inside, busy.gate.waiting) == (1, 100)
    with pytest.raises(QueueFullError, match="come again later") as refused:
        async with busy.gate.enter(HIGH, "late"):
            pass
    assert 1 <= refused.value.retry_after_s <= 60
    assert busy.dropped == {("queue", "full"): 1}
    await busy.ask("loop", LOOP)
    assert busy.order == ["o0", "loop"]


async def test_how_long_to_stay_away_follows_from_what_others_waited() -> None:
    """Where requests wait for minutes, those that are refused are told to stay away for longer than a second."""
    busy = Busy(1, max_waiting=3)
    for number in range(4):
        await busy.ask(f"o{number}", NORMAL)
    busy.clock.move(120)
    await busy.end_all()
    for number in range(4):
        await busy.ask(f"p{number}", NORMAL)
    with pytest.raises(QueueFullError) as refused:
        async with busy.gate.enter(NORMAL, ""):
            pass
    assert 10 < refused.value.retry_after_s <= 60


async def test_a_cancelled_waiter_leaves_the_queue() -> None:
    """Its place in the queue is free for another, it is never let in, and it is counted."""
    busy = Busy(1, max_waiting=1)
    await busy.ask("inside", NORMAL)
    await busy.ask("cancelled", NORMAL)
    busy.tasks["cancelled"].cancel()
    await settle()
    await busy.ask("next", NORMAL)
    assert await busy.end_all() == ["inside", "next"]
    assert busy.dropped == {("queue", "cancelled"): 1}


async def test_a_place_given_to_one_that_is_cancelled_goes_to_the_next() -> None:
    """A request that is let in and cancelled in the same moment takes no place along."""
    busy = Busy(1)
    for name in ("inside", "cancelled", "next"):
        await busy.ask(name, NORMAL)
    busy.tasks["cancelled"].cancel()
    busy.tasks["inside"].cancel()
    await settle()
    assert busy.order == ["inside", "next"]


async def test_r13_the_counts_never_go_negative() -> None:
    """R13: thousands of requests that end, fail and are cancelled at random leave the counts at zero."""
    busy, chance = Busy(3), random.Random(13)  # noqa: S311 - a test's dice
    lowest, highest = 0, 0

    async def request() -> None:
        nonlocal lowest, highest
        async with busy.gate.enter(chance.choice(list(Priority)), str(chance.randrange(5))):
            lowest, highest = min(lowest, busy.gate.inside), max(highest, busy.gate.inside)
            await asyncio.sleep(0)
            if chance.random() < 0.3:
                raise ValueError("failed")

    running: list[asyncio.Task[None]] = []
    for _ in range(3000):
        running.append(asyncio.create_task(request()))
        if chance.random() < 0.3:
            chance.choice(running).cancel()
        if chance.random() < 0.5:
            await asyncio.sleep(0)
        lowest = min(lowest, busy.gate.inside, busy.gate.waiting)
    await asyncio.gather(*running, return_exceptions=True)
    assert (lowest, highest) == (0, 3)
    assert (busy.gate.inside, busy.gate.waiting) == (0, 0)


async def test_r16_each_request_gets_its_own_answer() -> None:
    """R16: what a request's own work returns is what it gets, in whatever order the gate lets them in."""
    busy, chance = Busy(2), random.Random(16)  # noqa: S311 - a test's dice

    async def request(number: int) -> int:
        async with busy.gate.enter(chance.choice([HIGH, NORMAL, LOW]), str(number % 7)):
            await asyncio.sleep(chance.random() / 1000)
            return number

    work: list[Awaitable[int]] = [request(number) for number in range(100)]
    assert await asyncio.gather(*work) == list(range(100))


@settings(max_examples=100, deadline=None)
@given(
    asked=st.lists(st.tuples(st.sampled_from(list(Priority)), st.sampled_from("abc")), max_size=40),
    max_requests=st.integers(1, 4),
)
def test_everybody_is_let_in_once(asked: list[tuple[Priority, str]], max_requests: int) -> None:
    """Whatever comes in whatever order, each request is let in exactly once, and one client's in its order."""
    order = asyncio.run(all_through(asked, max_requests))
    names = [f"{number}" for number in range(len(asked))]
    assert sorted(order, key=int) == names
    for asker in set(asked):
        own = [name for name in order if asked[int(name)] == asker]
        assert own == sorted(own, key=int)


async def all_through(asked: list[tuple[Priority, str]], max_requests: int) -> list[str]:
    busy = Busy(max_requests)
    for number, (priority, client) in enumerate(asked):
        await busy.ask(str(number), priority, client)
    return await busy.end_all()
