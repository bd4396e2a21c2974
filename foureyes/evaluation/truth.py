"""The truth file of a set of labelled pictures: what is to be read of each.

JSON Lines (`.jsonl`), or YAML (`.yaml`, `.yml`) with a list of the same entries:

    {"picture": "one.png", "task": "vision_ocr", "values": {"grand": "1785.42", "mini": {"withheld": "absent"}}}

- `picture`  file name inside the folder; of a video, `at_s` instead: seconds from its beginning
- `task`     a task of the configuration
- `values`   by field what a truthful reader publishes: amounts as a plain decimal in quotes, times as ISO 8601 in
             quotes, numbers and percent as numbers; `{withheld: REASON}` where it gives none for that reason, null
             where for any
- `schema`   optional: the answer's schema for this picture, in place of the task's own
"""

from __future__ import annotations

import json
from collections.abc import Container, Iterator, Mapping
from pathlib import Path
from typing import Annotated, Any

import yaml
from pydantic import BaseModel, BeforeValidator, ConfigDict, Field, ValidationError
from pydantic.dataclasses import dataclass

from foureyes.exceptions import TruthError
from foureyes.schema.document import schema_problems

_MOST_BYTES = 64 * 2**20


@dataclass(frozen=True)
class Withheld:
    """No value is to be published, for this reason."""

    withheld: str


Truth = str | int | float | bool | Withheld | None


def is_shown(truth: Truth) -> bool:
    """Whether the picture shows a value that is to be published."""
    return truth is not None and not isinstance(truth, Withheld)


def _told(value: Any) -> Any:
    """What a file says of one field; `{withheld: REASON}` is the one mapping that may stand there."""
    if isinstance(value, dict) and value.keys() == {"withheld"} and isinstance(value["withheld"], str):
        return Withheld(value["withheld"])
    return value


class Case(BaseModel):
    """One task's answer to one picture, as it should be; None as a value is one withheld for whatever reason."""

    model_config = ConfigDict(extra="forbid", frozen=True, strict=True, allow_inf_nan=False)

    picture: str | None = Field(None, min_length=1, pattern=r"^[^\x00]+$")
    at_s: float | None = Field(None, ge=0)
    task: str
    values: dict[str, Annotated[Truth, BeforeValidator(_told)]] = Field(min_length=1)
    answer: dict[str, Any] | None = Field(None, alias="schema")

    @property
    def place(self) -> str:
        """Which picture it is, for people."""
        return self.picture if self.picture is not None else f"{self.at_s:g} s"


def load_truth(file: Path, tasks: Mapping[str, Container[str]]) -> list[Case]:
    """Read a truth file; `tasks` are the fields by task. Raises TruthError that names line and field."""
    cases = [_case(file, line, entry, tasks) for line, entry in _entries(file)]
    if not cases:
        raise TruthError(f"{file} has no entry; write one line for each picture and task")
    return cases


def _entries(file: Path) -> Iterator[tuple[int, Any]]:
    """Each entry with the line on which it begins."""
    text = _text(file)
    if file.suffix.lower() not in {".yaml", ".yml"}:
        for line, written in enumerate(text.split("\n"), 1):
            if written.strip():
                yield line, _json(file, line, written)
        return
    try:
        yield from _yaml(file, text)
    except (yaml.YAMLError, ValueError, RecursionError) as error:  # an impossible date; lists without an end
        raise TruthError(f"{file} is no YAML: {error}") from error


def _text(file: Path) -> str:
    try:
        if file.stat().st_size > _MOST_BYTES:
            raise TruthError(f"{file} has more than {_MOST_BYTES:,} bytes; split it")
        return file.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise TruthError(f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise TruthError(f"{file} is no text in UTF-8; save it as such") from error


def _json(file: Path, line: int, written: str) -> Any:
    try:
        return json.loads(written)
    except (ValueError, RecursionError) as error:
        raise TruthError(f"{file} line {line}: no JSON: {error}") from error


def _yaml(file: Path, text: str) -> Iterator[tuple[int, Any]]:
    loader = yaml.SafeLoader(text)
    try:
        root = loader.get_single_node()
        if not isinstance(root, yaml.SequenceNode):
            raise TruthError(f"{file} must hold a list; begin each entry with '- '")
        for node in root.value:
            yield node.start_mark.line + 1, loader.construct_object(node, deep=True)
    finally:
        loader.dispose()


def _case(file: Path, line: int, entry: Any, tasks: Mapping[str, Container[str]]) -> Case:
    try:
        case = Case.model_validate(entry)
    except ValidationError as error:
        raise TruthError(f"{file} line {line}: {_fault(error)}") from error
    if fault := _wrong_place(case) or _wrong_task(case, tasks) or _wrong_schema(case):
        raise TruthError(f"{file} line {line}: {fault}")
    known = tasks[case.task] if case.answer is None else case.answer["properties"]
    if strangers := [name for name in case.values if name not in known]:
        raise TruthError(f"{file} line {line}: values.{strangers[0]}: the schema has no such field")
    return case


def _fault(error: ValidationError) -> str:
    first = error.errors()[0]
    named = [str(part) for part in first["loc"]]
    if named[:1] == ["values"] and len(named) > 1:
        allowed = "a text, a number, true, false, null or {withheld: REASON}; quote dates and times"
        return f"values.{named[1]}: {allowed}"
    return f"{'.'.join(named) or 'the entry'}: {first['msg']}"


def _wrong_place(case: Case) -> str | None:
    if (case.picture is None) == (case.at_s is None):
        return "picture: one of picture (a file of the folder) and at_s (seconds of the video) must be given"
    return None


def _wrong_task(case: Case, tasks: Mapping[str, Container[str]]) -> str | None:
    return None if case.task in tasks else f"task: no task {case.task!r} in the configuration: {', '.join(tasks)}"


def _wrong_schema(case: Case) -> str | None:
    problems = [] if case.answer is None else schema_problems(case.answer)
    return f"schema: {problems[0]}" if problems else None
