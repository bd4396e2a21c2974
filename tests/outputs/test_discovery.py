"""What Home Assistant is told: pure, and rendered as Home Assistant renders it."""

from __future__ import annotations

import json
from typing import Any

import jinja2
import pytest

from foureyes.outputs.discovery import TaskShown, Topics, discovered

SCHEMA = {
    "type": "object",
    "properties": {
        "grand": {"type": ["string", "null"], "format": "money", "title": "Grand"},
        "load": {"type": ["number", "null"], "format": "percent"},
        "state": {"enum": ["idle", "spinning", None]},
        "popup": {"type": ["boolean", "null"]},
        "lines": {"type": ["array", "null"], "items": {"type": "string"}},
        "it's {{ odd }} \" ü": {"type": ["string", "null"]},
    },
    "required": ["grand"],
}


def configs() -> dict[str, dict[str, Any]]:
    return discovered("homeassistant", Topics("eyes"), [TaskShown("main", "read", SCHEMA)], "1.0")


def config(part: str) -> tuple[str, dict[str, Any]]:
    (found,) = [(topic, each) for topic, each in configs().items() if part in topic]
    return found


def shown(template: str, document: dict[str, Any]) -> str:
    return str(jinja2.Environment(autoescape=False).from_string(template).render(value_json=document))  # noqa: S701


def test_every_field_is_an_entity_of_one_device_under_an_id_of_its_own() -> None:
    """Fields, the daemon's health and its alerts; each goes when the daemon goes."""
    found = configs()
    assert len(found) == len(SCHEMA["properties"]) + 2
    assert len({each["unique_id"] for each in found.values()}) == len(found)
    for topic, each in found.items():
        assert each["device"]["identifiers"] == ["eyes"]
        assert each["availability"] == [{"topic": "eyes/availability"}]
        assert all(part.replace("_", "").replace("-", "").isalnum() for part in topic.split("/"))
        json.dumps(each, allow_nan=False)


@pytest.mark.parametrize(
    ("field", "value", "state"),
    [
        ("grand", "1785.42", "1785.42"),
        ("grand", None, "None"),
        ("load", 0, "0"),
        ("load", None, "None"),
        ("state", "idle", "idle"),
        ("popup", False, "OFF"),
        ("popup", True, "ON"),
        ("popup", None, "None"),
        ("lines", ["a", "b"], "a, b"),
        ("it_s", "fine", "fine"),
    ],
)
def test_a_value_is_shown_as_it_is_and_an_unknown_one_as_unknown(field: str, value: Any, state: str) -> None:
    """None is Home Assistant's word for unknown; 0 and false are values."""
    _, entity = config(f"main_read_{field}")
    name = next(each for each in SCHEMA["properties"] if each.startswith(field.replace("_", "'")))
    assert shown(entity["value_template"], {"values": {name: value}}) == state


def test_what_a_value_is_decides_how_it_is_shown() -> None:
    """Members of an enumeration are its options, percent has its unit, a flag is a binary sensor."""
    assert config("main_read_state")[1]["options"] == ["idle", "spinning"]
    assert config("main_read_load")[1]["unit_of_measurement"] == "%"
    assert "/binary_sensor/" in config("main_read_popup")[0]
    assert "unit_of_measurement" not in config("main_read_grand")[1]


def test_alerts_are_a_problem_while_there_are_any() -> None:
    """A binary sensor that is on."""
    template = config("eyes_alert")[1]["value_template"]
    assert shown(template, {"active": 2}) == "ON"
    assert shown(template, {"active": 0}) == "OFF"
