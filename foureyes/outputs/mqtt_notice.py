"""Notices of alerts to an MQTT broker: a connection for each, so that its acknowledgement is waited for."""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any

from foureyes.config.mqtt import Mqtt
from foureyes.exceptions import AlertError, BrokerError
from foureyes.outputs.mqtt_broker import connected, library, place


class MqttNotices:
    """The topic `<topic>/alert` of one broker; what it gets is not retained: it happened once."""

    def __init__(self, settings: Mqtt) -> None:
        """Raises MissingExtraError where aiomqtt is not installed."""
        library()
        self._settings = settings
        self._topic = f"{settings.topic}/alert"

    def check(self) -> str:
        """Whether a broker is configured; nobody is asked. Raises AlertError."""
        if self._settings.host is None:
            raise AlertError("a channel of kind mqtt needs the broker of the section mqtt: set mqtt.host")
        return f"the topic {self._topic} at {place(self._settings)}"

    async def deliver(self, notice: Mapping[str, Any]) -> None:
        """Publish it. Raises AlertError."""
        self.check()
        payload = json.dumps(notice, ensure_ascii=False, allow_nan=False)
        try:
            async with connected(self._settings) as client:
                await client.publish(self._topic, payload, qos=1)
        except BrokerError as error:
            raise AlertError(str(error)) from error
