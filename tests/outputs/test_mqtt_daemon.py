"""Readings and states of a real daemon on a real broker, which goes away, comes back and wants a password."""

from __future__ import annotations

import contextlib
import json
import signal
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from parts import mosquitto
from parts.foureyes import RunningDaemon, foureyes
from parts.mosquitto import Mosquitto, Subscriber
from parts.program import wait_until
from parts.watched import DrawnScreen, FakeEngine, Watched, drawn, task, write_config

READING, AVAILABILITY = "eyes/reading/main/read", "eyes/availability"


@dataclass
class Published:
    """A daemon that publishes to a broker."""

    watched: Watched
    broker: Mosquitto
    config: Path

    def wait(self, subscriber: Subscriber, topic: str, **wanted: Any) -> dict[str, Any]:
        """The newest document of a topic, once it is as wanted."""

        def met() -> bool:
            newest = subscriber.newest(topic)
            return newest is not None and wanted.items() <= newest.items()

        self.watched.daemon.wait(met, f"{topic} with {wanted}", 60)
        return dict(subscriber.newest(topic))

    def wait_link(self, state: str) -> None:
        self.watched.daemon.wait(
            lambda: self.watched.daemon.component("mqtt")["state"] == state, f"the broker is {state}", 30
        )


@contextlib.contextmanager
def published(folder: Path) -> Iterator[Published]:
    with (
        Mosquitto(folder, password=True) as broker,
        DrawnScreen() as screen,
        FakeEngine(folder / "engine", ["read"]) as engine,
    ):
        config = write_config(folder, engine, {"read": task()}, [screen.source()])
        document = json.loads(config.read_text("utf-8"))
        document["mqtt"] = {
            "host": "127.0.0.1",
            "port": broker.port,
            "topic": "eyes",
            "username": mosquitto.USER,
            "reconnect_s": 0.2,
            "reconnect_cap_s": 0.5,
        }
        document["alerts"] = {
            "check_s": 0.1,
            "rules": {"low": {"when": "reading", "task": "read", "field": "number", "below": 10}},
            "channels": {"broker": {"kind": "mqtt"}},
        }
        config.write_text(json.dumps(document), "utf-8")
        password = {"FOUREYES_MQTT_PASSWORD": mosquitto.PASSWORD}
        with RunningDaemon(folder, "--config", str(config), **password) as daemon:
            yield Published(Watched(daemon.wait_ready(), engine, screen), broker, config)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Published]:
    with published(tmp_path_factory.mktemp("mqtt")) as running:
        yield running


def show(daemon: Published, text: str, **values: Any) -> None:
    daemon.watched.engine.control("read", values={"amount": None, "number": None, **values}, times=1)
    daemon.watched.screen.show(drawn(text))


def test_whoever_comes_later_gets_the_newest_reading_and_state(daemon: Published) -> None:
    """They are retained: the reading as in the file, what is not known null in it, and each part's word."""
    show(daemon, "first", number=41)
    with Subscriber(daemon.broker.port) as early:
        daemon.watched.daemon.wait(lambda: _number(early) == 41, "the reading", 60)
    with Subscriber(daemon.broker.port) as late:
        daemon.watched.daemon.wait(lambda: _number(late) == 41, "the retained reading", 60)
        reading = late.newest(READING)
        assert reading["values"] == {"amount": None, "number": 41}
        assert reading["withheld"].keys() == {"amount"}
        assert reading in daemon.watched.readings("read")
        assert daemon.wait(late, "eyes/state/source/main", state="ok")["since"]
        assert daemon.wait(late, "eyes/state/task/main/read", state="ok")
        assert daemon.wait(late, "eyes/health")["state"] in {"ok", "degraded"}
        assert late.payloads(AVAILABILITY) == ["online"]
        assert all(retained for topic, _, retained in late.heard if topic in {READING, AVAILABILITY})


def test_home_assistant_finds_every_field_and_is_told_again_when_it_starts(daemon: Published) -> None:
    """The discovery is retained, its topics are those that are published; a birth message has all said again."""
    with Subscriber(daemon.broker.port) as home:
        topic = "homeassistant/sensor/eyes_main_read_number/config"
        found = daemon.wait(home, topic)
        assert found["state_topic"] == READING
        before = len(home.payloads(topic))
        home.say("homeassistant/status", "online")
        daemon.watched.daemon.wait(lambda: len(home.payloads(topic)) > before, "it is said again", 60)
        assert daemon.wait(home, "homeassistant/binary_sensor/eyes_alert/config")["state_topic"] == "eyes/alerts"


def test_an_alert_goes_to_the_broker(daemon: Published) -> None:
    """The notice once, and how many there are as a state."""
    with Subscriber(daemon.broker.port) as subscriber:
        daemon.wait(subscriber, "eyes/alerts", active=0)
        show(daemon, "low", number=3)
        notice = daemon.wait(subscriber, "eyes/alert", kind="problem", rule="low")
        daemon.wait(subscriber, "eyes/alerts", active=1, titles=[notice["title"]])
        show(daemon, "high", number=30)
        daemon.wait(subscriber, "eyes/alert", kind="recovered")
        daemon.wait(subscriber, "eyes/alerts", active=0)
    with Subscriber(daemon.broker.port) as later:
        daemon.wait(later, "eyes/alerts", active=0)
        assert later.payloads("eyes/alert") == []


def test_check_says_whether_the_broker_takes_us(daemon: Published) -> None:
    """With another password it refuses, and that is said before anything starts."""
    wrong = {"FOUREYES_MQTT_PASSWORD": "another"}
    checked = foureyes("check", "--config", str(daemon.config), **wrong)
    assert checked.returncode == 1
    assert "ok    channel broker: alerts go to the topic eyes/alert" in checked.stdout
    assert "FAIL  mqtt: the MQTT broker at 127.0.0.1" in checked.stdout
    assert "refuses us" in checked.stdout


def test_a_broker_that_is_away_is_a_state_and_one_line_and_gets_the_newest_when_it_is_back(
    daemon: Published,
) -> None:
    """Looking goes on; what changed meanwhile is superseded, counted, and the last of it published."""
    watched = daemon.watched
    seen = len(watched.events("mqtt.away"))
    daemon.broker.kill()
    daemon.wait_link("recovering")
    assert watched.daemon.get("/health")["status"] == "degraded"
    for number in (51, 52, 53):
        since = len(watched.readings("read"))
        show(daemon, f"away {number}", number=number)
        watched.wait_reading("read", since, values={"amount": None, "number": number})
    daemon.broker.start()
    daemon.wait_link("ok")
    with Subscriber(daemon.broker.port) as subscriber:
        watched.daemon.wait(lambda: _number(subscriber) == 53, "the newest reading", 60)
        daemon.wait(subscriber, "homeassistant/sensor/eyes_main_read_number/config")
        assert subscriber.payloads(AVAILABILITY) == ["online"]
        assert [json.loads(each)["values"]["number"] for each in subscriber.payloads(READING)] == [53]
    assert len(watched.events("mqtt.away")) == seen + 1
    assert watched.dropped("mqtt", "superseded") >= 2
    texts = [file.read_text("utf-8", "replace") for file in (watched.daemon.state_dir / "logs").iterdir()]
    assert not [text for text in texts if mosquitto.PASSWORD in text]


def test_a_daemon_that_is_killed_is_offline_by_its_last_will(daemon: Published) -> None:
    """The broker says it: nobody else could."""
    with Subscriber(daemon.broker.port) as subscriber:
        assert subscriber.payloads(AVAILABILITY) in (["online"], [])
        daemon.watched.daemon.process.send_signal(signal.SIGKILL)
        daemon.watched.daemon.process.wait(10)

        def gone() -> bool:
            return subscriber.payloads(AVAILABILITY)[-1:] == ["offline"]

        wait_until(gone, 60, "the last will")


def _number(subscriber: Subscriber) -> Any:
    reading = subscriber.newest(READING)
    return None if reading is None else reading["values"]["number"]
