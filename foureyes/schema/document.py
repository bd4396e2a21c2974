"""The JSON Schema of an answer: its fields, and the check of every answer against it.

The x- annotations (see annotations.py) are understood by the engine and stripped for every other server.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from functools import lru_cache
from typing import Any, Literal

import jsonschema
from jsonschema.protocols import Validator

from foureyes.exceptions import SchemaError
from foureyes.schema.problems import problems, types_of

MAX_TEXT_CHARS = 10_000

Kind = Literal["money", "percent", "time", "number", "integer", "text", "enum", "boolean", "list"]
Schema = Mapping[str, Any]
READ_TWICE: frozenset[Kind] = frozenset({"money", "percent", "number", "integer", "time"})
"""Kinds of values in which one wrong character is another value; words, members and verdicts are read once."""


@dataclass(frozen=True)
class Field:
    """One property of an answer: its name, its kind, what people call it and what it may be."""

    name: str
    kind: Kind
    labels: tuple[str, ...]
    members: tuple[str, ...]
    minimum: float | None
    maximum: float | None
    annotations: Mapping[str, Any]


@dataclass(frozen=True)
class Violation:
    """One way in which an answer breaks its schema; `field` is empty where the whole answer does."""

    field: str
    why: str
    keyword: str = ""
    """The keyword of JSON Schema that is broken, where it is one."""

    @property
    def is_out_of_range(self) -> bool:
        """Whether the value is of the right kind and only too large or too small."""
        return self.keyword in {"minimum", "maximum", "exclusiveMinimum", "exclusiveMaximum"}


def schema_problems(schema: Any) -> list[str]:
    """Return why `schema` cannot describe a task's answer; empty where it can."""
    return [str(problem) for problem in problems(schema)]


def fields(schema: Schema) -> tuple[Field, ...]:
    """Return the fields of a task's schema in their order. Raises SchemaError where there are none."""
    return _fields(_Frozen(schema))


def _field(name: str, prop: Mapping[str, Any]) -> Field:
    title = str(prop.get("title") or name.replace("_", " "))
    return Field(
        name=name,
        kind=_kind(prop),
        labels=(title, *(str(label) for label in prop.get("x-labels", ()))),
        members=tuple(member for member in prop.get("enum", ()) if isinstance(member, str)),
        minimum=prop.get("minimum"),
        maximum=prop.get("maximum"),
        annotations={key: value for key, value in prop.items() if key.startswith("x-")},
    )


def _kind(prop: Mapping[str, Any]) -> Kind:
    if "enum" in prop:
        return "enum"
    form = prop.get("format")
    if form in {"money", "percent"}:
        return "money" if form == "money" else "percent"
    if form in {"time", "date", "date-time"}:
        return "time"
    by_type: dict[str, Kind] = {"boolean": "boolean", "integer": "integer", "number": "number", "array": "list"}
    return by_type.get(types_of(prop)[0], "text")


def check_answer(schema: Schema, answer: Any) -> list[Violation]:
    """Validate an answer against the whole schema; numbers must be finite. Empty where it is valid."""
    found = [Violation(name, "the number is not finite") for name in _not_finite(answer)]
    for error in _validator(_Frozen(schema)).iter_errors(answer):
        where = str(error.absolute_path[0]) if error.absolute_path else ""
        found.append(Violation(where, error.message[:300], str(error.validator)))
    return found


def _not_finite(answer: Any) -> Iterable[str]:
    if not isinstance(answer, Mapping):
        return ()
    return (str(name) for name, value in answer.items() if isinstance(value, float) and not math.isfinite(value))


class _Frozen:
    """A schema as a cache key: by identity, since configuration never changes under us."""

    def __init__(self, schema: Schema) -> None:
        self.schema = schema

    def __hash__(self) -> int:
        return id(self.schema)

    def __eq__(self, other: object) -> bool:
        return isinstance(other, _Frozen) and self.schema is other.schema


@lru_cache(maxsize=256)
def _fields(frozen: _Frozen) -> tuple[Field, ...]:
    if found := schema_problems(frozen.schema):
        raise SchemaError("; ".join(found))
    return tuple(_field(name, prop) for name, prop in frozen.schema["properties"].items())


@lru_cache(maxsize=256)
def _validator(frozen: _Frozen) -> Validator:
    return jsonschema.Draft202012Validator(dict(frozen.schema))


def stripped(schema: Any) -> Any:
    """Return a copy without the x- annotations, for servers that would stumble over them."""
    if isinstance(schema, Mapping):
        return {key: stripped(value) for key, value in schema.items() if not str(key).startswith("x-")}
    if isinstance(schema, list | tuple):
        return [stripped(value) for value in schema]
    return schema


def subset(schema: Schema, names: Iterable[str]) -> dict[str, Any]:
    """Return the schema of an answer that has only the named fields."""
    wanted = set(names)
    required = [name for name in schema.get("required", ()) if name in wanted]
    properties = {name: prop for name, prop in schema["properties"].items() if name in wanted}
    frame = {key: value for key, value in schema.items() if key != "x-order"}
    order = [name for name in schema.get("x-order", ()) if name in wanted]
    ordered = {"x-order": order} if len(order) > 1 else {}
    return {**frame, **ordered, "properties": properties, "required": required}


def annotated(schema: Schema, extra: Mapping[str, Mapping[str, Any]], **top: Any) -> dict[str, Any]:
    """Return the schema with further annotations by field, and further keywords on the schema itself."""
    properties = {name: {**prop, **extra.get(name, {})} for name, prop in schema["properties"].items()}
    return {**schema, "properties": properties, **top}


def needs_pair(schema: Schema) -> bool:
    """Whether a field of the schema tells motion, so that it is read from two pictures."""
    return any(_tells_motion(field) for field in fields(schema))


def _tells_motion(field: Field) -> bool:
    cues = field.annotations.get("x-cues") or {}
    by_cue = any(isinstance(cue, Mapping) and "motion" in cue for cue in cues.values())
    return by_cue or "x-motion" in field.annotations or field.annotations.get("x-sign") == "frozen"


def engine_model(schema: Schema) -> str:
    """Which of the engine's models answers a schema, by its annotations: text unless they say otherwise."""
    annotations = {name for field in fields(schema) for name in field.annotations}
    by_annotation = {"x-sign": "signs", "x-cues": "state", "x-taught": "state", "x-motion": "animation"}
    return next((model for name, model in by_annotation.items() if name in annotations), "ocr")
