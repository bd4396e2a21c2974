"""Changing a configuration file for a person: comments, order and layout stay as they are."""

from __future__ import annotations

import difflib
import io
import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml
from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.error import CommentMark, YAMLError
from ruamel.yaml.scalarstring import DoubleQuotedScalarString, LiteralScalarString
from ruamel.yaml.tokens import CommentToken
from ruamel.yaml.util import load_yaml_guess_indent

from foureyes.exceptions import UsageError
from foureyes.whole_file import write_whole

Node = CommentedMap | CommentedSeq
Key = str | int


@dataclass(frozen=True)
class Change:
    """One value of the file, by its path (names, and indices in lists); it is taken out where it is None."""

    path: tuple[Key, ...]
    value: Any


def with_values(text: str, path: Sequence[str], values: Mapping[str, Sequence[float]]) -> str:
    """The YAML text with these lists of numbers set in the mapping at `path`, which is made where it is missing.

    Raises UsageError where something else stands on the way.
    """
    return with_changes(text, [Change((*path, key), list(numbers)) for key, numbers in values.items()])


def with_changes(text: str, changes: Sequence[Change]) -> str:
    """The YAML text with all changes made, one after the other; missing mappings on the way are made.

    What a value has in common with the one before it stays as it is written. Raises UsageError where something
    else stands on the way, or the text is no YAML.
    """
    try:
        writer, document = _read(text)
    except YAMLError as error:
        raise UsageError(f"the configuration file is no YAML that can be changed: {error}") from error
    if not isinstance(document, CommentedMap):
        raise UsageError("the configuration file is no mapping of sections, so nothing can be changed in it")
    for change in changes:
        _make(document, change)
    written = io.StringIO()
    writer.dump(document, written)
    return written.getvalue()


def diff(before: str, after: str, name: str) -> str:
    """What changes, as a unified diff."""
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), name, name)
    return "".join(lines)


def rewrite(file: Path, text: str) -> None:
    """Put a text in the place of a file's, wholly or not at all, with its mode. Raises OSError."""
    target = file.resolve()
    write_whole(target, text.encode(), mode=target.stat().st_mode & 0o777)


def _read(text: str) -> tuple[YAML, Any]:
    """The document, and what writes it as it is laid out."""
    writer = YAML()
    writer.preserve_quotes = True
    writer.width = 4096
    document, sequence, offset = load_yaml_guess_indent(text, yaml=writer)
    writer.indent(mapping=2, sequence=sequence or 4, offset=offset or 2)
    return writer, document


def _make(document: Any, change: Change) -> None:
    *way, last = change.path
    place = document
    for key in way:
        if change.value is None and isinstance(place, CommentedMap) and key not in place:
            return
        place = _inside(place, key, change.path)
    if change.value is not None:
        _put(place, last, change.value)
    elif last in place:
        _take_out(place, last)


def _inside(place: Node, key: Key, path: Sequence[Key]) -> Node:
    inner: object
    if isinstance(place, CommentedSeq):
        inner = place[key] if isinstance(key, int) and key < len(place) else None
    elif (inner := place.get(key)) is None:
        inner = CommentedMap()
        place.pop(key, None)
        place.insert(max(0, len(place) - 1), key, inner)  # what follows the last key stays behind it
    if not isinstance(inner, CommentedMap | CommentedSeq):
        name = ".".join(map(str, path))
        raise UsageError(f"{name} cannot be set: {key} is no mapping in the configuration file")
    return inner


def _put(place: CommentedMap, key: Key, value: Any) -> None:
    if key in place:
        place[key] = _merged(place[key], value)
    else:
        follows = bool(place) and bool(_tail_of(_last_token(place, list(place)[-1])))
        place.insert(len(place) - follows, key, _written(value))


def _merged(node: Any, value: Any) -> Any:
    """The node with another value; what is alike in both stays as it is written."""
    if isinstance(node, CommentedMap) and isinstance(value, Mapping):
        for key in [key for key in node if key not in value]:
            _take_out(node, key)
        for key, inner in value.items():
            _put(node, key, inner)
        return node
    if isinstance(node, CommentedSeq) and isinstance(value, Sequence) and not isinstance(value, str):
        while len(node) > len(value):
            node.pop()
        for index, inner in enumerate(value):
            if index < len(node):
                node[index] = _merged(node[index], inner)
            else:
                node.append(_written(inner))
        return node
    return node if _plain(node) == _plain(value) else _written(value)


def _plain(value: Any) -> str:
    """Tells true from 1, and 1 from 1.0, as `==` does not."""
    return json.dumps(value, sort_keys=True, default=str)


def _written(value: Any) -> Any:
    """A new value as a person would write it: leaves in one line, quotes where YAML would misread a text."""
    if isinstance(value, Mapping):
        mapping = CommentedMap({_written(key): _written(inner) for key, inner in value.items()})
        if not any(isinstance(inner, Mapping) for inner in value.values()):
            mapping.fa.set_flow_style()
        return mapping
    if isinstance(value, list | tuple):
        line = CommentedSeq([_written(inner) for inner in value])
        line.fa.set_flow_style()
        return line
    return _text(value) if isinstance(value, str) else value


def _text(value: str) -> Any:
    if "\n" in value:
        return LiteralScalarString(value)
    try:
        is_itself = yaml.safe_load(value) == value
    except yaml.YAMLError:
        is_itself = False
    return value if is_itself else DoubleQuotedScalarString(value)


def _take_out(place: Node, key: Key) -> None:
    """Remove an entry; comments and blank lines that follow it in lines of their own stay."""
    tail, keys = _tail_of(_last_token(place, key)), list(place)
    before = keys.index(key) - 1
    del place[key]
    if tail and before >= 0:
        _give_tail(place, keys[before], tail)


def _last_token(place: Node, key: Key) -> CommentToken | None:
    """What ruamel keeps of the text between an entry's end and the next one."""
    value = place[key]
    if isinstance(value, CommentedMap | CommentedSeq) and value and not value.fa.flow_style():
        return _last_token(value, list(value)[-1] if isinstance(value, CommentedMap) else len(value) - 1)
    slots = place.ca.items.get(key) or ()
    return next((slot for slot in slots if isinstance(slot, CommentToken)), None)


def _tail_of(token: CommentToken | None) -> str:
    """The lines behind an entry's own line."""
    return "" if token is None else str(token.value).partition("\n")[2]


def _give_tail(place: Node, key: Key, tail: str) -> None:
    if (token := _last_token(place, key)) is not None:
        token.value = f"{str(token.value).partition(chr(10))[0]}\n{tail}"
        return
    value = place[key]
    if isinstance(value, CommentedMap | CommentedSeq) and value and not value.fa.flow_style():
        _give_tail(value, list(value)[-1] if isinstance(value, CommentedMap) else len(value) - 1, tail)
    else:
        slot = CommentToken(f"\n{tail}", start_mark=CommentMark(0))
        place.ca.items[key] = (
            [None, None, slot, None] if isinstance(place, CommentedMap) else [slot, None, None, None]
        )
