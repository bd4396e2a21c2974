"""The schema of an answer: what it may hold, and why one is refused."""

from __future__ import annotations

import datetime as dt
from typing import Any

import pytest

from foureyes.exceptions import SchemaError
from foureyes.schema.document import annotated, fields, schema_problems, subset
from foureyes.schema.problems import problems
from foureyes.servers.chat.probe import _SCHEMA as PROBE

TEXT = {"type": ["string", "null"]}
MEMBERS = {"enum": ["on", "off", None]}


def schema(**properties: Any) -> dict[str, Any]:
    return {"type": "object", "properties": properties}


def paths(asked: Any) -> dict[str, str]:
    return {".".join(map(str, problem.path)): problem.allowed for problem in problems(asked)}


@pytest.mark.parametrize(
    "prop",
    [
        {**TEXT, "x-labels": ["Grand", "Grand jackpot"]},
        {"type": ["number", "null"], "x-decimals": 0, "x-decimal-sign": ","},
        {**TEXT, "x-decimals": 10, "x-picture": 3, "x-alone": True},
        {**MEMBERS, "x-cues": {"on": {"texts": ["running"]}, "off": {"motion": "still"}}},
        {**MEMBERS, "x-motion": {"moving": "on", "still": None}, "x-motion-region": [0.2, 0.3, 0.8, 0.7]},
        {"type": ["boolean", "null"], "x-motion": {"moving": True, "still": False}},
        {"type": ["number", "null"], "x-max-step": 5, "x-max-step-percent": 0.5},
        {**TEXT, "format": "money", "x-max-step": 0.01},
        {**TEXT, "format": "time", "x-clock": True},
        {"type": ["integer", "null"], "x-clock": 60},
        *({**TEXT, "x-sign": sign} for sign in ("error_text", "dialog", "disconnected", "black", "frozen")),
    ],
)
def test_every_keyword_may_stand_where_it_belongs(prop: dict[str, Any]) -> None:
    """Each x- keyword is allowed with each kind of value that it knows."""
    assert schema_problems(schema(a=prop)) == []


def test_what_the_daemon_adds_and_what_it_probes_with_is_allowed() -> None:
    """The daemon's own keywords, and its probe, are as valid as a user's."""
    asked = annotated(schema(a=TEXT), {"a": {"x-picture": 1, "x-alone": True}}, **{"x-pictures": 2})
    assert schema_problems({**asked, "x-memo-age-s": 30.0}) == []
    assert schema_problems(PROBE) == []


@pytest.mark.parametrize(
    ("keyword", "value", "at"),
    [
        ("x-labels", 5, ""),
        ("x-labels", "Grand", ""),
        ("x-labels", None, ""),
        ("x-labels", ["Grand", 5], ".1"),
        ("x-labels", ["x" * 201], ".0"),
        ("x-decimals", 11, ""),
        ("x-decimals", -1, ""),
        ("x-decimals", 2.0, ""),
        ("x-decimals", True, ""),
        ("x-decimal-sign", ";", ""),
        ("x-cues", [1, 2], ""),
        ("x-cues", {"broken": {"texts": ["broken"]}}, ""),
        ("x-cues", {"on": ["running"]}, ".on"),
        ("x-cues", {"on": {"texts": "running"}}, ".on.texts"),
        ("x-cues", {"on": {"motion": "fast"}}, ".on.motion"),
        ("x-cues", {"on": {"text": ["running"]}}, ".on.text"),
        ("x-motion", "on", ""),
        ("x-motion", {"moving": "on"}, ".still"),
        ("x-motion", {"moving": "on", "still": "stopped"}, ""),
        ("x-motion-region", [0, 0, 1], ""),
        ("x-motion-region", [0.5, 0, 0.6, 1], ""),
        ("x-motion-region", [0, 0, 1, "1"], ".3"),
        ("x-max-step", 5, ""),
        ("x-max-step-percent", 5, ""),
        ("x-clock", True, ""),
        ("x-order", ["a"], ""),
        ("x-sign", "popup", ""),
        ("x-picture", -1, ""),
        ("x-picture", 1.0, ""),
        ("x-alone", "yes", ""),
        ("x-label", ["Grand"], ""),
        ("x-pictures", 1, ""),
    ],
)
def test_a_keyword_with_a_wrong_value_is_refused_at_its_path(keyword: str, value: Any, at: str) -> None:
    """Wrong type, wrong range, wrong member and wrong name are each told where they stand."""
    assert list(paths(schema(a={**MEMBERS, keyword: value}))) == [f"properties.a.{keyword}{at}"]


@pytest.mark.parametrize(
    ("keyword", "value"), [("x-pictures", 0), ("x-pictures", "2"), ("x-memo-age-s", -1), ("x-labels", ["Grand"])]
)
def test_a_wrong_keyword_of_the_schema_itself_is_refused(keyword: str, value: Any) -> None:
    """The schema's own keywords are checked too, and a field's is none of them."""
    assert list(paths({**schema(a=TEXT), keyword: value})) == [keyword]


def test_an_unknown_keyword_is_told_with_the_known_ones() -> None:
    """A slip in a keyword's name is answered with the names that there are."""
    assert (
        "x-decimal-sign, x-decimals, x-labels"
        in paths(schema(a={**TEXT, "x-lables": []}))["properties.a.x-lables"]
    )


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        (5, ""),
        ({"type": "array", "properties": {"a": TEXT}}, "type"),
        (schema(), "properties"),
        (schema(**{f"f{n}": TEXT for n in range(101)}), "properties"),
        (schema(a={"type": ["object", "null"]}), "properties.a.type"),
        (schema(a={"title": "A"}), "properties.a.type"),
        (schema(a=True), "properties.a"),
        ({**schema(a=TEXT), "required": ["a", "b"]}, "required.1"),
        ({**schema(a=TEXT), "required": "a"}, "required"),
        ({"type": 7, "properties": {"a": TEXT}}, "type"),
        ({"type": "object", "properties": ["a"]}, "properties"),
        (schema(a={"type": "string"}), "properties.a"),
        ({**schema(a=TEXT), "minProperties": 2}, ""),
        (schema(a={**TEXT, "pattern": "("}), "properties.a.pattern"),
        (schema(a={**TEXT, "$ref": "#/nowhere"}), "properties.a.$ref"),
        (schema(a={"enum": [dt.date(2026, 11, 21), None]}), "properties.a.enum.0"),
        (schema(a={"type": ["number", "null"], "maximum": float("nan")}), "properties.a.maximum"),
    ],
)
def test_a_schema_of_no_answer_is_refused_at_its_path(asked: Any, path: str) -> None:
    """What no task could answer, or no JSON could carry, is told where it stands."""
    assert list(paths(asked)) == [path]


def test_a_key_that_is_no_text_is_refused() -> None:
    """YAML reads an unquoted yes as true, which is no name of a field."""
    assert "quotes" in paths({"type": "object", "properties": {True: TEXT}})["properties"]


def test_all_problems_of_a_schema_come_in_one_go() -> None:
    """Faults of JSON Schema, of fields, of keywords and of what is required are told together."""
    asked = schema(
        a={"type": 7}, b={"type": "object"}, c={**TEXT, "x-sign": 1, "x-alone": 1}, d={"type": "string"}
    )
    assert set(paths({**asked, "required": ["e"]})) == {
        "properties.a.type",
        "properties.b.type",
        "properties.c.x-sign",
        "properties.c.x-alone",
        "properties.d",
        "required.0",
    }


def test_no_fields_are_given_of_a_refused_schema() -> None:
    """Who asks for the fields of a schema that is refused is told why."""
    with pytest.raises(SchemaError, match=r"schema\.properties\.a\.x-labels"):
        fields(schema(a={**TEXT, "x-labels": 5}))


@pytest.mark.parametrize(
    ("keyword", "value"),
    [
        *(("x-max-step", value) for value in (0, -1, "5")),
        ("x-max-step-percent", 0),
        *(("x-clock", value) for value in (0, False, "yes", 100_000)),
    ],
)
def test_a_step_or_a_clock_without_sense_is_refused(keyword: str, value: Any) -> None:
    """Steps and a clock's seconds are numbers above 0."""
    (path,) = paths(schema(a={"type": ["number", "null"], keyword: value}))
    assert path.startswith(f"properties.a.{keyword}")


@pytest.mark.parametrize(
    ("order", "at"),
    [
        ([], "x-order"),
        (["grand"], "x-order"),
        ("grand", "x-order"),
        (["grand", 5], "x-order.1"),
        (["grand", "gold"], "x-order.1"),
        (["grand", "name"], "x-order.1"),
        (["grand", "mini", "grand"], "x-order.2"),
    ],
)
def test_an_order_is_of_two_or_more_numbers_of_the_schema(order: Any, at: str) -> None:
    """An order that names what is no field, no number or the same field twice is told at its place."""
    asked = schema(grand={**TEXT, "format": "money"}, mini={"type": ["number", "null"]}, name=TEXT)
    assert list(paths({**asked, "x-order": order})) == [at]
    assert schema_problems({**asked, "x-order": ["grand", "mini"]}) == []


def test_a_part_of_a_schema_keeps_the_order_of_the_fields_that_it_has() -> None:
    """The schema of some fields orders those alone, and is a valid one."""
    number = {"type": ["number", "null"]}
    whole = {**schema(a=number, b=number, c=number), "x-order": ["a", "b", "c"]}
    assert subset(whole, ["a", "c"])["x-order"] == ["a", "c"]
    assert "x-order" not in subset(whole, ["b"])
    assert schema_problems(subset(whole, ["b"])) == []
