"""The ways of alerts, made from the configuration."""

from __future__ import annotations

import os
from collections.abc import Iterator

from foureyes.alerts.channels.apprise import Apprise
from foureyes.alerts.channels.channel import Channel
from foureyes.alerts.channels.command import Command
from foureyes.alerts.channels.webhook import Webhook
from foureyes.config.alerts import Alerts, AppriseChannel, CommandChannel, MqttChannel, WebhookChannel
from foureyes.config.mqtt import Mqtt
from foureyes.outputs.mqtt_notice import MqttNotices


def channels_of(alerts: Alerts, mqtt: Mqtt) -> dict[str, Channel]:
    """Every channel by its name; one of several urls is as many, so that what one took is not sent to it again.

    Raises MissingExtraError where one needs what is not installed.
    """
    return {name: channel for key in alerts.channels for name, channel in _made(key, alerts, mqtt)}


def _made(name: str, alerts: Alerts, mqtt: Mqtt) -> Iterator[tuple[str, Channel]]:
    match alerts.channels[name]:
        case AppriseChannel() as settings:
            urls: list[str | None] = [*os.environ.get(settings.urls_env, "").split()] or [None]
            for number, url in enumerate(urls, start=1):
                own = name if len(urls) == 1 else f"{name}.{number}"
                yield own, Apprise(own, url, settings.urls_env, settings.timeout_s)
        case WebhookChannel() as settings:
            yield name, Webhook(settings)
        case CommandChannel() as settings:
            yield name, Command(settings)
        case MqttChannel():
            yield name, MqttNotices(mqtt)
