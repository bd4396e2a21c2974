"""Hands the daemon's states to an MQTT broker, beside the readings that the publisher hands over."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Mapping
from typing import Any

from foureyes.daemon.composition import Composition
from foureyes.outputs.discovery import TaskShown
from foureyes.outputs.mqtt import MqttOutput

_EVERY_S = 1.0


async def feed(
    output: MqttOutput,
    composition: Composition,
    health: Callable[[], Mapping[str, Any]],
    alerts: Callable[[], Mapping[str, Any]],
) -> None:
    """Publish until cancelled; `health` and `alerts` give the documents of /health and /api/alerts."""
    async with asyncio.TaskGroup() as group:
        group.create_task(output.run(), name="mqtt connection")
        while True:
            shown = [TaskShown(task.plan.source, task.plan.task, task.plan.schema) for task in composition.tasks]
            output.show(health(), alerts(), shown)
            await asyncio.sleep(_EVERY_S)
