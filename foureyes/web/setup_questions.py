"""What a page may ask of the set-up: the bodies of its requests, every size bounded."""

from __future__ import annotations

import json
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, JsonValue, StringConstraints

from foureyes.config.section import Name, Rect, Text

_MOST_CHANGES = 100
_MOST_SCHEMA_CHARS = 32_000
_DEEPEST = 20


def _bounded(schema: dict[str, Any]) -> dict[str, Any]:
    """Checking it costs time, and its depth a stack."""
    parts: list[Any] = [schema]
    for _ in range(_DEEPEST):
        parts = [inner for part in parts for inner in _inside(part)]
    if any(_inside(part) for part in parts) or len(json.dumps(schema)) > _MOST_SCHEMA_CHARS:
        raise ValueError(f"a schema has at most {_MOST_SCHEMA_CHARS:,} characters, and {_DEEPEST} levels")
    return schema


def _inside(part: Any) -> list[Any]:
    if isinstance(part, dict):
        return list(part.values())
    return part if isinstance(part, list) else []


FieldName = Annotated[str, StringConstraints(min_length=1, max_length=200)]
Schema = Annotated[dict[str, JsonValue], AfterValidator(_bounded)]
Digest = Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]


class Question(BaseModel):
    """Base of all bodies."""

    model_config = ConfigDict(extra="forbid", frozen=True, populate_by_name=True, allow_inf_nan=False)


class ReadQuestion(Question):
    """What stands in this region of the newest picture: its text, and what a task's fields would be there."""

    source: Name | None = None
    region: Rect
    task: Name | None = None
    field: FieldName | None = None


class SuggestQuestion(Question):
    """Where the fields of a task, or of all, stand on the newest picture."""

    source: Name | None = None
    task: Name | None = None


class TaskQuestion(Question):
    """What a task would read of the newest picture with another prompt or schema."""

    source: Name | None = None
    task: Name
    prompt: Text | None = None
    answer: Schema | None = Field(None, alias="schema")


class RegionChange(Question):
    """A field's region (none: it has none any more), of the task, or of one source alone."""

    kind: Literal["region"]
    task: Name
    field: FieldName
    region: Rect | None
    source: Name | None = None


class PromptChange(Question):
    """A task's prompt (none: its model's own)."""

    kind: Literal["prompt"]
    task: Name
    prompt: Text | None


class SchemaChange(Question):
    """The JSON Schema of a task's answer."""

    kind: Literal["schema"]
    task: Name
    answer: Schema = Field(alias="schema")


AnyChange = Annotated[RegionChange | PromptChange | SchemaChange, Field(discriminator="kind")]
Changes = Annotated[list[AnyChange], Field(min_length=1, max_length=_MOST_CHANGES)]


class EditQuestion(Question):
    """What the configuration file would be with these changes."""

    changes: Changes


class ApplyQuestion(Question):
    """Write the very change whose diff was seen."""

    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{64}$")]
    changes: Changes


class TeachQuestion(Question):
    """The newest picture shows this state."""

    source: Name | None = None
    task: Name
    label: FieldName
    field: FieldName | None = None


class ForgetQuestion(Question):
    """A picture was taught wrongly."""

    task: Name
    digest: Digest
