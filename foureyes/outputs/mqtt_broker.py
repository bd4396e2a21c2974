"""The way to an MQTT broker: one connection by the settings, errors as sentences."""

from __future__ import annotations

import os
import ssl
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from importlib import import_module
from types import ModuleType
from typing import TYPE_CHECKING

from foureyes.config.mqtt import Mqtt
from foureyes.exceptions import BrokerError, BrokerRefusedError, MissingExtraError
from foureyes.redaction import hide

if TYPE_CHECKING:
    from aiomqtt import Client, Will

_EXTRA = "the section mqtt needs aiomqtt, which is not installed: pip install 'foureyes[mqtt]'"


def library() -> ModuleType:
    """The library that speaks MQTT. Raises MissingExtraError where it is not installed."""
    try:
        return import_module("aiomqtt")
    except ImportError as error:
        raise MissingExtraError(_EXTRA) from error


def place(settings: Mqtt) -> str:
    """Which broker, for people."""
    return f"{settings.host}:{settings.port_in_use}"


@asynccontextmanager
async def connected(settings: Mqtt, will: Will | None = None) -> AsyncIterator[Client]:
    """A connection while inside. Raises BrokerError where there is none, or where it ends inside."""
    aiomqtt = library()
    assert settings.host is not None
    password = os.environ.get(settings.password_env)
    hide(password or "")
    try:
        client = aiomqtt.Client(
            settings.host,
            settings.port_in_use,
            username=settings.username,
            password=password,
            keepalive=settings.keepalive_s,
            timeout=settings.timeout_s,
            max_queued_incoming_messages=100,
            tls_context=ssl.create_default_context(cafile=settings.ca_file) if settings.tls else None,
            will=will,
        )
        async with client:
            yield client
    except aiomqtt.exceptions.MqttConnectError as error:
        raise BrokerRefusedError(f"the MQTT broker at {place(settings)} refuses us: {error}") from error
    except (aiomqtt.MqttError, OSError, ValueError) as error:
        raise BrokerError(
            f"the MQTT broker at {place(settings)} is away: {error or type(error).__name__}"
        ) from error
