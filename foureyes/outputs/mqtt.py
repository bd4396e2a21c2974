"""Readings and states as retained topics of an MQTT broker; a broker that is away or slow slows nobody.

What waits is the newest message of each topic, never a queue of old ones; a broker that comes back gets all of
them, since it may have forgotten what it retained.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from foureyes import __version__
from foureyes.backoff import backoff_s
from foureyes.config.mqtt import Mqtt
from foureyes.exceptions import BrokerError, BrokerRefusedError
from foureyes.outputs.discovery import TaskShown, Topics, discovered
from foureyes.outputs.mqtt_broker import connected, library, place
from foureyes.telemetry.log import event
from foureyes.telemetry.words import Word

if TYPE_CHECKING:
    from aiomqtt import Client

_ONLINE, _OFFLINE = "online", "offline"
_GONE = ""
"""An empty retained message takes what was retained away."""
_LAST_WORDS_S = 1.0


@dataclass(frozen=True)
class _Message:
    payload: str
    gist: Any
    """What it says, without its figures: another gist is published at once."""
    made_mono_s: float


class MqttOutput:
    """One broker. `run` is its only task; everything else is called in the same event loop and never waits."""

    def __init__(
        self, settings: Mqtt, dropped: Callable[[str, str], None], now: Callable[[], float] = time.monotonic
    ) -> None:
        """Raises MissingExtraError where aiomqtt is not installed."""
        self._aiomqtt = library()
        self._settings = settings
        self._dropped = dropped
        self._now = now
        self._topics = Topics(settings.topic)
        self._messages: dict[str, _Message] = {}
        """The newest of each topic."""
        self._waiting: dict[str, None] = {}
        """Topics whose newest message the broker has not got, in their order."""
        self._tasks: list[TaskShown] | None = None
        self._configs: dict[str, dict[str, Any]] = {}
        self._filled = asyncio.Event()
        self._attempts = 0
        self._word = Word.STARTING
        self._reason: str | None = "the broker was not reached yet"

    def put(self, reading: Mapping[str, Any]) -> None:
        """Have a reading published, if it says something new or its topic has been silent for long."""
        topic = self._topics.reading(reading["source"], reading["task"])
        is_each = self._settings.readings_on == "look"
        gist = reading["frame_id"] if is_each else (reading["values"], reading["withheld"])
        self._set(topic, reading, gist)

    def show(self, health: Mapping[str, Any], alerts: Mapping[str, Any], tasks: Iterable[TaskShown]) -> None:
        """Have states published that changed, and what is gone forgotten; `health` is /health's document."""
        topics, tasks = self._topics, list(tasks)
        sentence = health["summary"]["sentence"]
        self._set(topics.health, {"state": health["status"], "reason": sentence}, health["status"])
        active = [entry for entry in alerts["active"] if entry["told"]]
        titles = [entry["title"] for entry in active]
        self._set(topics.alerts, {"active": len(active), "titles": titles}, titles)
        for name, part in health["components"].items():
            shown = {key: part.get(key) for key in ("state", "reason", "since")}
            self._set(topics.component(name), shown, part["state"])
        if tasks != self._tasks:
            self._tasks, self._configs = tasks, self._discovered(tasks)
            for topic, config in self._configs.items():
                self._set(topic, config, config)
        self._forget_others(
            {topics.health, topics.alerts}
            | {topics.component(name) for name in health["components"]}
            | {topics.reading(task.source, task.task) for task in tasks}
            | self._configs.keys()
        )

    def component(self) -> dict[str, Any]:
        """How the broker stands, for /health."""
        return {"state": self._word, "reason": self._reason, "waiting": len(self._waiting)}

    async def run(self) -> None:
        """Publish until cancelled; the broker is told that we go."""
        will = self._aiomqtt.Will(self._topics.availability, _OFFLINE, qos=1, retain=True)
        while True:
            try:
                async with connected(self._settings, will) as client:
                    await self._greet(client)
                    await self._converse(client)
            except BrokerError as error:
                self._failed(error)
            settings = self._settings
            wait_s = backoff_s(self._attempts, first_s=settings.reconnect_s, cap_s=settings.reconnect_cap_s)
            await asyncio.sleep(wait_s)

    def _discovered(self, tasks: Iterable[TaskShown]) -> dict[str, dict[str, Any]]:
        prefix = self._settings.discovery
        return {} if prefix is None else discovered(prefix, self._topics, tasks, __version__)

    def _set(self, topic: str, document: Mapping[str, Any], gist: Any) -> None:
        before = self._messages.get(topic)
        if before is None and len(self._messages) >= self._settings.most_waiting:
            self._dropped("mqtt", "too_many_topics")
            return
        is_due = before is None or self._now() - before.made_mono_s >= self._settings.refresh_s
        if before is None or before.gist != gist or is_due:
            payload = json.dumps(document, ensure_ascii=False, allow_nan=False)
            if before is None or before.payload != payload:
                self._queue(topic, _Message(payload, gist, self._now()))

    def _queue(self, topic: str, message: _Message) -> None:
        if topic in self._waiting:
            self._dropped("mqtt", "superseded")
        self._messages[topic] = message
        self._waiting[topic] = None
        self._filled.set()

    def _forget_others(self, topics: Iterable[str]) -> None:
        for topic in self._messages.keys() - set(topics):
            if self._messages[topic].payload != _GONE:
                self._queue(topic, _Message(_GONE, None, self._now()))

    async def _greet(self, client: Client) -> None:
        """Say that we are there, and have everything said again."""
        await client.publish(self._topics.availability, _ONLINE, qos=1, retain=True)
        if (prefix := self._settings.discovery) is not None:
            await client.subscribe(f"{prefix}/status")
        self._say_all()
        if self._word is not Word.OK:
            event("mqtt.connected", f"the MQTT broker at {place(self._settings)} takes readings and states")
        self._word, self._reason, self._attempts = Word.OK, None, 0

    def _say_all(self) -> None:
        self._waiting = dict.fromkeys(self._messages)
        self._filled.set()

    async def _converse(self, client: Client) -> None:
        """Send and listen until one of them fails. Raises what it failed with."""
        talks = {
            asyncio.create_task(self._send(client), name="mqtt send"),
            asyncio.create_task(self._listen(client), name="mqtt listen"),
        }
        try:
            done, _ = await asyncio.wait(talks, return_when=asyncio.FIRST_COMPLETED)
            for talk in done:
                talk.result()
        except asyncio.CancelledError:
            with contextlib.suppress(self._aiomqtt.MqttError, TimeoutError):  # then its will says it
                async with asyncio.timeout(_LAST_WORDS_S):
                    await client.publish(self._topics.availability, _OFFLINE, qos=1, retain=True)
            raise
        finally:
            for talk in talks:
                talk.cancel()
            await asyncio.wait(talks)

    async def _send(self, client: Client) -> None:
        while True:
            await self._filled.wait()
            while self._waiting:
                topic = next(iter(self._waiting))
                del self._waiting[topic]
                await self._publish(client, topic, self._messages[topic])
            self._filled.clear()

    async def _publish(self, client: Client, topic: str, message: _Message) -> None:
        await client.publish(topic, message.payload, qos=self._settings.qos, retain=True)
        if message.payload == _GONE and self._messages[topic] is message:
            del self._messages[topic]

    async def _listen(self, client: Client) -> None:
        """See the connection end; Home Assistant that has just started is told everything again."""
        async for message in client.messages:
            if message.payload == _ONLINE.encode():
                self._say_all()

    def _failed(self, error: BrokerError) -> None:
        word = Word.FAILING if isinstance(error, BrokerRefusedError) else Word.RECOVERING
        if self._word is not word:
            event("mqtt.away", f"{error}; the newest readings and states wait for it", level="warning")
        self._word, self._reason = word, str(error)
        self._attempts += 1
