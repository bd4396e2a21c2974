"""What goes to a broker and when: news at once, the unchanged seldom, what is gone taken away, a goodbye."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable, Iterator
from typing import Any

import pytest
from parts.hand_clock import HandClock
from parts.mosquitto import Mosquitto, Subscriber
from parts.program import free_port, wait_until

from foureyes.config.mqtt import Mqtt
from foureyes.outputs.discovery import TaskShown
from foureyes.outputs.mqtt import MqttOutput

SCHEMA = {"type": "object", "properties": {"grand": {"type": ["number", "null"]}}, "required": ["grand"]}
READING = "foureyes/reading/main/read"
CALM: dict[str, Any] = {"active": []}


@pytest.fixture(scope="module")
def broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mosquitto]:
    with Mosquitto(tmp_path_factory.mktemp("broker")) as running:
        yield running


def reading(number: float | None, frame: int = 0, task: str = "read") -> dict[str, Any]:
    return {
        "source": "main",
        "task": task,
        "frame_id": f"main-{frame}",
        "values": {"grand": number},
        "withheld": {} if number is not None else {"grand": "absent"},
    }


def health(*parts: str) -> dict[str, Any]:
    components = {name: {"state": "ok", "reason": None, "since": "2026-01-01T00:00:00Z"} for name in parts}
    return {"status": "ok", "summary": {"sentence": "all is well"}, "components": components}


def output(port: int, clock: HandClock | None = None, **settings: Any) -> tuple[MqttOutput, list[tuple[str, str]]]:
    dropped: list[tuple[str, str]] = []
    made = MqttOutput(
        Mqtt(host="127.0.0.1", port=port, reconnect_s=0.05, **settings),
        lambda where, reason: dropped.append((where, reason)),
        clock or HandClock(),
    )
    return made, dropped


def run(made: MqttOutput, *steps: tuple[Callable[[], object], Callable[[], bool]]) -> None:
    """Run an output; do each step and wait until its condition holds, then end it."""

    async def go() -> None:
        running = asyncio.create_task(made.run())
        try:
            async with asyncio.timeout(30):
                for act, met in steps:
                    act()
                    while not met():
                        assert not running.done(), running.exception()
                        await asyncio.sleep(0.01)
        finally:
            running.cancel()
            await asyncio.wait({running})

    asyncio.run(go())


def numbers(subscriber: Subscriber) -> list[Any]:
    return [json.loads(each)["values"]["grand"] for each in subscriber.payloads(READING) if each]


def test_an_unchanged_reading_is_said_again_only_after_a_while(broker: Mosquitto) -> None:
    """A new value at once, also when it becomes unknown; an old one when its topic was silent for long."""
    clock = HandClock()
    made, dropped = output(broker.port, clock, refresh_s=30)

    def looks(*values: float | None) -> None:
        for number, value in enumerate(values):
            made.put(reading(value, frame=number))

    def later() -> None:
        clock.move(31)
        made.put(reading(None, frame=9))

    with Subscriber(broker.port) as subscriber:
        run(
            made,
            (lambda: looks(1), lambda: numbers(subscriber) == [1]),
            (lambda: looks(1, 1, 1, 2), lambda: numbers(subscriber) == [1, 2]),
            (lambda: looks(None, None), lambda: numbers(subscriber) == [1, 2, None]),
            (later, lambda: numbers(subscriber) == [1, 2, None, None]),
        )
    assert dropped == []


def test_every_look_is_published_where_that_is_wanted(broker: Mosquitto) -> None:
    """`readings_on: look` has one message for each; only the same look is not said twice."""
    made, _ = output(broker.port, readings_on="look")
    with Subscriber(broker.port) as subscriber:

        def step(frame: int) -> tuple[Callable[[], object], Callable[[], bool]]:
            return lambda: made.put(reading(5, frame)), lambda: numbers(subscriber)[-frame:] == [5] * frame

        run(made, step(1), step(2), step(3))


def test_what_is_gone_is_taken_away_and_a_goodbye_is_said(broker: Mosquitto) -> None:
    """A task that is configured no more leaves no reading, no state and no entity behind; then we are offline."""
    made, _ = output(broker.port, topic="eyes")
    tasks = [TaskShown("main", name, SCHEMA) for name in ("read", "gone")]
    both, one = health("task:main/read", "task:main/gone"), health("task:main/read")
    config = "homeassistant/sensor/eyes_main_gone_grand/config"
    topics = ["eyes/reading/main/gone", "eyes/state/task/main/gone", config]

    def show_both() -> None:
        made.put(reading(1, task="gone"))
        made.show(both, CALM, tasks)

    with Subscriber(broker.port) as subscriber:

        def retained() -> list[bool]:
            return [bool(subscriber.payloads(topic) and subscriber.payloads(topic)[-1]) for topic in topics]

        run(
            made,
            (show_both, lambda: retained() == [True] * 3),
            (lambda: made.show(one, CALM, tasks[:1]), lambda: retained() == [False] * 3),
        )
    with Subscriber(broker.port) as later:
        wait_until(lambda: later.payloads("eyes/availability") == ["offline"], 60, "the goodbye")
        assert not [topic for topic, _, _ in later.heard if "gone" in topic]
        assert later.payloads("eyes/state/task/main/read")


def test_while_the_broker_is_away_only_the_newest_waits_and_topics_are_bounded() -> None:
    """A thousand values of one topic are one message; beyond the bound a new topic is refused; all is counted."""
    made, dropped = output(free_port(), most_waiting=10, discovery=None)
    for number in range(1000):
        made.put(reading(number, frame=number))
    assert made.component()["waiting"] == 1
    assert dropped == [("mqtt", "superseded")] * 999
    for number in range(1000):
        made.put(reading(1, task=f"task{number}"))
    assert made.component()["waiting"] == 10
    assert dropped.count(("mqtt", "too_many_topics")) == 991
    run(made, (lambda: None, lambda: made.component()["state"] == "recovering"))
    assert "is away" in made.component()["reason"]
