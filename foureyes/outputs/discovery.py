"""What Home Assistant is told so that it shows readings and states by itself: topics and payloads. Pure.

A field that is not known is null in the reading; the templates give it as None, Home Assistant's word for unknown.
"""

from __future__ import annotations

import hashlib
import json
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from foureyes.schema.document import Field, Schema, fields

_UNFIT = re.compile(r"[^A-Za-z0-9_-]")
_MOST_OPTIONS = 100


@dataclass(frozen=True)
class TaskShown:
    """One task of one source, and the schema of its answers."""

    source: str
    task: str
    schema: Schema


@dataclass(frozen=True)
class Topics:
    """Where everything is published, by the first levels."""

    root: str

    @property
    def availability(self) -> str:
        """`online`, or the broker's word that we are gone: `offline`."""
        return f"{self.root}/availability"

    @property
    def health(self) -> str:
        """How the daemon stands as a whole."""
        return f"{self.root}/health"

    @property
    def alerts(self) -> str:
        """What is in trouble now."""
        return f"{self.root}/alerts"

    def reading(self, source: str, task: str) -> str:
        """The latest reading of a task."""
        return f"{self.root}/reading/{source}/{task}"

    def component(self, name: str) -> str:
        """How a part stands; its name is that of /health."""
        return f"{self.root}/state/{name.replace(':', '/')}"


def discovered(prefix: str, topics: Topics, tasks: Iterable[TaskShown], version: str) -> dict[str, dict[str, Any]]:
    """By topic the retained payload, for every field of every task, and for the daemon itself."""
    device = {
        "identifiers": [topics.root],
        "name": f"FourEyes {topics.root}" if topics.root != "foureyes" else "FourEyes",
        "manufacturer": "FourEyes",
        "sw_version": version,
    }
    found = {}
    for name, kind, entity in [*_own(topics), *(each for task in tasks for each in _of_task(topics, task))]:
        unique = _identifier(f"{topics.root}_{name}")
        found[f"{prefix}/{kind}/{unique}/config"] = {
            "unique_id": unique,
            "device": device,
            "origin": {"name": "FourEyes", "sw_version": version},
            "availability": [{"topic": topics.availability}],
            **entity,
        }
    return found


def _own(topics: Topics) -> list[tuple[str, str, dict[str, Any]]]:
    health = {
        "name": "Health",
        "state_topic": topics.health,
        "value_template": "{{ value_json['state'] }}",
        "json_attributes_topic": topics.health,
    }
    trouble = {
        "name": "Alert",
        "state_topic": topics.alerts,
        "value_template": "{{ 'ON' if value_json['active'] else 'OFF' }}",
        "json_attributes_topic": topics.alerts,
        "device_class": "problem",
    }
    return [
        ("health", "sensor", {**health, "json_attributes_topic": topics.health}),
        ("alert", "binary_sensor", trouble),
    ]


def _of_task(topics: Topics, shown: TaskShown) -> list[tuple[str, str, dict[str, Any]]]:
    topic = topics.reading(shown.source, shown.task)
    return [
        (
            f"{shown.source}_{shown.task}_{field.name}",
            "binary_sensor" if field.kind == "boolean" else "sensor",
            {
                "name": f"{shown.source} {field.labels[0]}",
                "state_topic": topic,
                "value_template": _template(field),
                "json_attributes_topic": topic,
                **_kind(field),
            },
        )
        for field in fields(shown.schema)
    ]


def _template(field: Field) -> str:
    """`value_json.values` would be the method of that name, and a field may be called anything."""
    value = f"value_json['values'][{json.dumps(field.name)}]"
    if field.kind == "boolean":
        return f"{{{{ 'None' if {value} is none else ('ON' if {value} else 'OFF') }}}}"
    if field.kind == "list":
        return f"{{{{ 'None' if {value} is none else ({value} | join(', '))[:255] }}}}"
    return f"{{{{ 'None' if {value} is none else ({value} | string)[:255] }}}}"


def _kind(field: Field) -> dict[str, Any]:
    if field.kind == "enum" and len(field.members) <= _MOST_OPTIONS:
        return {"device_class": "enum", "options": list(field.members)}
    if field.kind == "percent":
        return {"state_class": "measurement", "unit_of_measurement": "%"}
    return {"state_class": "measurement"} if field.kind in {"money", "number", "integer"} else {}


def _identifier(name: str) -> str:
    """A name as Home Assistant takes it: what does not fit is replaced, and told apart by a digest."""
    fit = _UNFIT.sub("_", name)
    return fit if fit == name else f"{fit}_{hashlib.sha256(name.encode()).hexdigest()[:8]}"
