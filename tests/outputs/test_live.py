"""Live events: every listener gets them in order, and none can make the daemon wait or grow."""

from __future__ import annotations

import pytest

from foureyes.exceptions import TooManySubscribersError
from foureyes.outputs.live import LiveEvents


def ignore(_where: str, _reason: str) -> None:
    """Nobody counts here."""


async def test_every_listener_gets_every_event_in_order() -> None:
    """Two listeners both get what is published while they listen."""
    live = LiveEvents(ignore)
    with live.subscribed() as one, live.subscribed() as two:
        for number in range(3):
            live.publish("reading", {"number": number})
        for listener in (one, two):
            assert [event.data["number"] for event in await listener.take(1)] == [0, 1, 2]
    assert live.subscribers == 0


async def test_a_slow_listener_loses_the_oldest_and_it_is_counted() -> None:
    """A listener that reads nothing holds a bounded number of events, the newest ones."""
    dropped: list[tuple[str, str]] = []
    live = LiveEvents(lambda where, reason: dropped.append((where, reason)))
    with live.subscribed() as slow:
        for number in range(1000):
            live.publish("reading", {"number": number})
        first, *_ = await slow.take(1)
        assert first.data["number"] == len(dropped) > 0


async def test_without_an_event_the_wait_ends() -> None:
    """A wait that nothing ends gives nothing."""
    with LiveEvents(ignore).subscribed() as listener:
        assert await listener.take(0.01) == []


async def test_a_listener_gets_the_kinds_that_it_asked_for() -> None:
    """Lines of the log come to those alone who ask for them, and to these nothing else."""
    live = LiveEvents(ignore)
    with live.subscribed() as usual, live.subscribed({"log"}) as log:
        for kind in ("log", "reading"):
            live.publish(kind, {})
        kinds = [[event.kind for event in await each.take(1)] for each in (usual, log)]
    assert kinds == [["reading"], ["log"]]


def test_the_number_of_listeners_is_bounded() -> None:
    """Beyond the bound a new listener is refused, and a place that is given back can be taken."""
    live = LiveEvents(ignore)
    held = [live.subscribed() for _ in range(100)]
    for place in held:
        place.__enter__()
    with pytest.raises(TooManySubscribersError), live.subscribed():
        pass
    held[0].__exit__(None, None, None)
    with live.subscribed():
        assert live.subscribers == 100
