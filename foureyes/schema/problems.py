"""Why a schema cannot describe a task's answer: every problem in one go, each with its path."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import jsonschema
from pydantic import ConfigDict, JsonValue, TypeAdapter, ValidationError
from pydantic_core import ErrorDetails

from foureyes.schema.annotations import FieldKeywords, SchemaKeywords, XKeywords, is_number

MAX_FIELDS = 100
TYPES = ("string", "number", "integer", "boolean", "array")
"""The types that a field may have, each with or without null."""

_JSON = TypeAdapter(dict[str, JsonValue], config=ConfigDict(allow_inf_nan=False))
_DIALECT = jsonschema.Draft202012Validator
_META = _DIALECT(_DIALECT.META_SCHEMA, format_checker=_DIALECT.FORMAT_CHECKER)

Path = tuple[str | int, ...]


@dataclass(frozen=True)
class Problem:
    """One problem: its path inside the schema, what stands there and what is allowed."""

    path: Path
    found: Any
    allowed: str

    def __str__(self) -> str:
        return f"{'.'.join(str(part) for part in ('schema', *self.path))}: {self.allowed}"


def problems(schema: Any) -> list[Problem]:
    """Return every problem of `schema`; a look at the whole makes sense only where each part is sound."""
    if found := list(_no_json(schema)):
        return found
    return [*_frame_problems(schema), *_all_field_problems(schema)] or list(_no_empty_answer(schema))


def _no_json(schema: Any) -> Iterator[Problem]:
    """What YAML can hold and JSON cannot: other keys than texts, dates, numbers that are not finite, circles."""
    try:
        _JSON.validate_python(schema)
    except ValidationError as error:
        for details in error.errors():
            path = details["loc"]  # between the keys pydantic names the types
            if path[-1:] == ("[key]",):
                yield Problem(path[:-2][::2], details["input"], "each key is a text: put it into quotes")
            else:
                yield Problem(path[::2], details["input"], _sentence(details))


def _no_schema(path: Path, part: Mapping[str, Any]) -> Iterator[Problem]:
    for error in _META.iter_errors(part):
        yield Problem((*path, *error.absolute_path), error.instance, error.message)
    yield from _references(path, part)


def _references(path: Path, part: Any) -> Iterator[Problem]:
    """A reference may lead nowhere, to itself or out into the net; an answer's schema needs none."""
    entries = part.items() if isinstance(part, Mapping) else enumerate(part) if isinstance(part, list) else ()
    for key, value in entries:
        if key in {"$ref", "$dynamicRef"} and isinstance(value, str):
            yield Problem((*path, key), value, "no references: write out what is meant")
        yield from _references((*path, key), value)


def _frame_problems(schema: Mapping[str, Any]) -> Iterator[Problem]:
    """What is wrong around the fields."""
    frame = {key: value for key, value in schema.items() if key != "properties"}
    properties = schema.get("properties")
    if schema.get("type") != "object":
        yield Problem(("type",), schema.get("type"), "'object', with the answer's fields under 'properties'")
    if not isinstance(properties, Mapping) or not 1 <= len(properties) <= MAX_FIELDS:
        yield Problem(("properties",), properties, f"'properties' with 1 to {MAX_FIELDS} fields")
    if found := [problem for problem in _no_schema((), frame) if problem.path != ("type",)]:
        yield from found
    elif isinstance(properties, Mapping):
        yield from _required_problems(schema.get("required", ()), properties)
    if found := list(_keyword_problems((), frame, SchemaKeywords)):
        yield from found
    elif isinstance(properties, Mapping):
        yield from _order_problems(schema.get("x-order", ()), properties)


def _required_problems(required: Iterable[str], properties: Mapping[str, Any]) -> Iterator[Problem]:
    for index, name in enumerate(required):
        if name not in properties:
            yield Problem(("required", index), name, f"a name under 'properties': {', '.join(properties)}")


def _order_problems(order: Sequence[str], properties: Mapping[str, Any]) -> Iterator[Problem]:
    for index, name in enumerate(order):
        prop = properties.get(name)
        if not isinstance(prop, Mapping) or not is_number(prop):
            known = [each for each, prop in properties.items() if isinstance(prop, Mapping) and is_number(prop)]
            allowed = f"a number or an amount under 'properties': {', '.join(known) or 'there is none'}"
            yield Problem(("x-order", index), name, allowed)
        elif name in order[:index]:
            yield Problem(("x-order", index), name, "each name stands once")


def _all_field_problems(schema: Mapping[str, Any]) -> Iterator[Problem]:
    properties = schema.get("properties")
    for name, prop in properties.items() if isinstance(properties, Mapping) else ():
        path = ("properties", name)
        if isinstance(prop, Mapping):
            yield from list(_no_schema(path, prop)) or _field_problems(path, prop)
        else:
            yield Problem(path, prop, "an object with a 'type' or an 'enum'")


def _field_problems(path: Path, prop: Mapping[str, Any]) -> Iterator[Problem]:
    """What is a JSON Schema and yet none of a value that a task can give."""
    known = types_of(prop)
    if any(name not in TYPES for name in known) or not (known or "enum" in prop):
        yield Problem((*path, "type"), prop.get("type"), f"needs one of {', '.join(TYPES)}, or an 'enum'")
    elif not _DIALECT(prop).is_valid(None):
        yield Problem(path, prop, "must allow null, for what is not seen")
    yield from _keyword_problems(path, prop, FieldKeywords)


def types_of(prop: Mapping[str, Any]) -> tuple[str, ...]:
    """Return the types that a field declares, null left out."""
    declared = prop.get("type", ())
    names = (declared,) if isinstance(declared, str) else tuple(declared)
    return tuple(name for name in names if name != "null")


def _keyword_problems(path: Path, part: Mapping[str, Any], keywords: type[XKeywords]) -> Iterator[Problem]:
    given = {key: value for key, value in part.items() if key.startswith("x-")}
    try:
        keywords.model_validate(given, context=part)
    except ValidationError as error:
        known = ", ".join(sorted(str(field.alias) for field in keywords.model_fields.values()))
        for details in error.errors():
            unknown = details["type"] == "extra_forbidden" and len(details["loc"]) == 1
            allowed = f"no keyword here; known ones: {known}" if unknown else _sentence(details)
            yield Problem((*path, *details["loc"]), details["input"], allowed)


def _no_empty_answer(schema: Mapping[str, Any]) -> Iterator[Problem]:
    """An answer in which nothing was seen must be a valid one, whatever holds for several fields together."""
    for error in _DIALECT(schema).iter_errors(dict.fromkeys(schema["properties"])):
        yield Problem((), schema, f"must allow an answer in which all is null: {error.message}")


def _sentence(details: ErrorDetails) -> str:
    message = details["msg"].removeprefix("Value error, ")
    return message[:1].lower() + message[1:]
