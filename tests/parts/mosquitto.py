"""A real MQTT broker on a port of its own, with or without a password, and what is published there."""

from __future__ import annotations

import contextlib
import json
import subprocess
import threading
from pathlib import Path
from typing import Any, Self

import paho.mqtt.client as paho
from paho.mqtt.enums import CallbackAPIVersion

from parts.program import Program, find, free_port, wait_until

USER, PASSWORD = "foureyes", "p4ss word"


class Mosquitto:
    """The broker as a process; started again after `kill` it has forgotten what it retained."""

    def __init__(self, folder: Path, *, password: bool = False) -> None:
        self.port = free_port()
        self._config, self._log = folder / "mosquitto.conf", folder / "mosquitto.log"
        self._password_file = folder / "mosquitto.passwords" if password else None
        self._folder = folder

    def __enter__(self) -> Self:
        self._command = [find("mosquitto", "mosquitto"), "-c", str(self._config)]
        lines = [f"listener {self.port} 127.0.0.1", "persistence false"]
        if self._password_file is None:
            lines.append("allow_anonymous true")
        else:
            arguments = [
                find("mosquitto_passwd", "mosquitto"),
                "-b",
                "-c",
                str(self._password_file),
                USER,
                PASSWORD,
            ]
            subprocess.run(arguments, check=True, capture_output=True)
            lines += ["allow_anonymous false", f"password_file {self._password_file}"]
        self._config.write_text("\n".join([*lines, "user root", ""]))
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Start it; returns when it answers."""
        self.program = Program(self._command, self._log)
        wait_until(self._answers, 60, "mosquitto to answer")

    def kill(self) -> None:
        """End it as a crash would."""
        self.program.kill()

    def _answers(self) -> bool:
        if not self.program.running:
            raise RuntimeError(f"mosquitto ended:\n{self.program.tail()}")
        with contextlib.suppress(OSError), Subscriber(self.port, "none"):
            return True
        return False


class Subscriber:
    """Hears topics while inside; knows the newest payload of each and every one in order."""

    def __init__(self, port: int, topic: str = "#") -> None:
        self.heard: list[tuple[str, str, bool]] = []
        """Topic, payload, and whether it was retained from before."""
        self._subscribed = threading.Event()
        self._client = paho.Client(CallbackAPIVersion.VERSION2)
        self._client.username_pw_set(USER, PASSWORD)
        self._client.on_message = self._hear
        self._client.on_connect = lambda client, *_: client.subscribe(topic, 1)
        self._client.on_subscribe = lambda *_: self._subscribed.set()
        self._port = port

    def __enter__(self) -> Self:
        self._client.connect("127.0.0.1", self._port)
        self._client.loop_start()
        if not self._subscribed.wait(10):
            raise ConnectionError("the broker takes no subscription")
        return self

    def __exit__(self, *_: object) -> None:
        self._client.disconnect()
        self._client.loop_stop()

    def _hear(self, _client: object, _data: object, message: paho.MQTTMessage) -> None:
        self.heard.append((message.topic, message.payload.decode(), bool(message.retain)))

    def say(self, topic: str, payload: str) -> None:
        """Publish something."""
        self._client.publish(topic, payload, 1).wait_for_publish(10)

    def payloads(self, topic: str) -> list[str]:
        return [payload for heard, payload, _ in self.heard if heard == topic]

    def newest(self, topic: str) -> Any:
        """The newest document of a topic; None before the first one."""
        payloads = self.payloads(topic)
        return json.loads(payloads[-1]) if payloads else None
