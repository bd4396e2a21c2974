"""The circuit breaker, edge by edge, on a clock that the test moves."""

from __future__ import annotations

import asyncio

import pytest
from parts.hand_clock import HandClock

from foureyes.config.settings import Breaker
from foureyes.exceptions import BadImageError, BreakerOpenError, ServerTimeoutError
from foureyes.servers.breaker import BreakerState, CircuitBreaker

OPEN_S = 30.0


class Guarded:
    """A breaker with the usual settings, its clock, and calls with every outcome."""

    def __init__(self) -> None:
        self.clock = HandClock()
        self.breaker = CircuitBreaker("studio", Breaker(), self.clock)
        self.release = asyncio.Event()

    def succeed(self) -> None:
        with self.breaker.call():
            pass

    def fail(self, times: int = 1) -> None:
        for _ in range(times):
            with pytest.raises(ServerTimeoutError), self.breaker.call():
                raise ServerTimeoutError("no answer")

    def half_open(self) -> None:
        self.fail(5)
        self.clock.move(OPEN_S)

    async def slow(self, error: Exception | None = None) -> None:
        """A call that lasts until the test releases it."""
        with self.breaker.call():
            await self.release.wait()
            if error is not None:
                raise error


@pytest.fixture
async def guarded() -> Guarded:
    return Guarded()


async def test_five_failures_in_a_row_open_it(guarded: Guarded) -> None:
    """Four leave it closed; with the fifth no call is let through, and the error says when one will be."""
    guarded.fail(4)
    assert guarded.breaker.admits()
    guarded.fail()
    assert guarded.breaker.state is BreakerState.OPEN
    assert not guarded.breaker.admits()
    with pytest.raises(BreakerOpenError, match="in 30 s") as refused, guarded.breaker.call():
        pass
    assert refused.value.retry_after_s == OPEN_S


async def test_r8_a_success_while_closed_resets_the_count(guarded: Guarded) -> None:
    """R8: only failures in a row count; a hundred with successes between them open nothing."""
    for _ in range(100):
        guarded.fail(4)
        guarded.succeed()
    assert guarded.breaker.state is BreakerState.CLOSED


async def test_r8_half_open_is_bounded_under_concurrency(guarded: Guarded) -> None:
    """R8: of fifty calls at once in half-open exactly two get through; the others are refused."""
    guarded.half_open()
    calls = [asyncio.create_task(guarded.slow()) for _ in range(50)]
    await asyncio.sleep(0)
    assert not guarded.breaker.admits()
    guarded.release.set()
    outcomes = await asyncio.gather(*calls, return_exceptions=True)
    assert sum(outcome is None for outcome in outcomes) == 2
    assert sum(isinstance(outcome, BreakerOpenError) for outcome in outcomes) == 48
    assert guarded.breaker.state is BreakerState.CLOSED


async def test_two_successes_close_it_and_one_does_not(guarded: Guarded) -> None:
    """After one good probe it is still half-open; after the second it is closed, with a fresh count."""
    guarded.half_open()
    guarded.succeed()
    assert guarded.breaker.state is BreakerState.HALF_OPEN
    guarded.succeed()
    guarded.fail(4)
    assert guarded.breaker.state is BreakerState.CLOSED


async def test_a_failure_while_half_open_opens_it_again(guarded: Guarded) -> None:
    """One failed probe is enough, also after a good one, and the whole pause begins anew."""
    guarded.half_open()
    guarded.succeed()
    guarded.fail()
    guarded.clock.move(OPEN_S - 1)
    assert guarded.breaker.state is BreakerState.OPEN
    guarded.clock.move(1)
    assert guarded.breaker.state is BreakerState.HALF_OPEN


async def test_a_cancelled_probe_gives_its_place_back_and_counts_for_nothing(guarded: Guarded) -> None:
    """Cancelled probes neither close nor open it, however many there were, and block nobody after them."""
    guarded.half_open()
    for _ in range(10):
        call = asyncio.create_task(guarded.slow())
        await asyncio.sleep(0)
        call.cancel()
        await asyncio.wait({call})
    assert guarded.breaker.state is BreakerState.HALF_OPEN
    assert guarded.breaker.admits()


async def test_what_began_before_it_opened_says_nothing_of_the_probes(guarded: Guarded) -> None:
    """Late answers of calls from before, good or bad, neither close it nor open it again."""
    late = [asyncio.create_task(guarded.slow(error)) for error in (None, None, ServerTimeoutError("late"))]
    await asyncio.sleep(0)
    guarded.half_open()
    guarded.release.set()
    await asyncio.gather(*late, return_exceptions=True)
    assert guarded.breaker.state is BreakerState.HALF_OPEN
    guarded.succeed()
    guarded.succeed()
    assert guarded.breaker.state is BreakerState.CLOSED


async def test_a_refusal_for_good_is_no_failure_of_the_server(guarded: Guarded) -> None:
    """A server that refuses a picture has answered: it resets the count as any answer does."""
    guarded.fail(4)
    with pytest.raises(BadImageError), guarded.breaker.call():
        raise BadImageError("not like this")
    guarded.fail(4)
    assert guarded.breaker.state is BreakerState.CLOSED


async def test_a_server_that_was_proved_anew_is_asked_at_once(guarded: Guarded) -> None:
    """After a reset nothing is left of the pause, and calls of the old life count no more."""
    old = asyncio.create_task(guarded.slow(ServerTimeoutError("of the old life")))
    await asyncio.sleep(0)
    guarded.fail(5)
    guarded.breaker.reset()
    guarded.release.set()
    await asyncio.gather(old, return_exceptions=True)
    guarded.fail(4)
    assert guarded.breaker.state is BreakerState.CLOSED


async def test_r27_a_moved_wall_clock_neither_opens_nor_closes_it(
    guarded: Guarded, monkeypatch: pytest.MonkeyPatch
) -> None:
    """R27: only the monotonic clock counts, whatever the wall clock does meanwhile."""
    guarded.fail(5)
    monkeypatch.setattr("time.time", lambda: 4e9)
    assert guarded.breaker.state is BreakerState.OPEN
    monkeypatch.setattr("time.time", lambda: 0.0)
    guarded.clock.move(OPEN_S)
    assert guarded.breaker.state is BreakerState.HALF_OPEN
