"""Changing a configuration file for a person: comments, order and layout stay as they are."""

from __future__ import annotations

import difflib
import io
import os
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path

from ruamel.yaml import YAML
from ruamel.yaml.comments import CommentedMap, CommentedSeq
from ruamel.yaml.util import load_yaml_guess_indent

from foureyes.exceptions import UsageError


def with_values(text: str, path: Sequence[str], values: Mapping[str, Sequence[float]]) -> str:
    """The YAML text with these lists of numbers set in the mapping at `path`, which is made where it is missing.

    Raises UsageError where something else stands on the way.
    """
    writer = _writer(text)
    document = writer.load(text)
    place = document
    for key in path:
        place = _inside(place, key, path)
    for key, numbers in values.items():
        place[key] = _in_one_line(numbers)
    written = io.StringIO()
    writer.dump(document, written)
    return written.getvalue()


def diff(before: str, after: str, name: str) -> str:
    """What changes, as a unified diff."""
    lines = difflib.unified_diff(before.splitlines(keepends=True), after.splitlines(keepends=True), name, name)
    return "".join(lines)


def write_whole(file: Path, text: str) -> None:
    """Put a file in the place of another, wholly or not at all, with its mode. Raises OSError."""
    target = file.resolve()
    with tempfile.NamedTemporaryFile("w", encoding="utf-8", dir=target.parent, delete=False) as unfinished:
        unfinished.write(text)
        unfinished.flush()
        os.fsync(unfinished.fileno())
    new = Path(unfinished.name)
    new.chmod(target.stat().st_mode & 0o777)
    new.replace(target)


def _writer(text: str) -> YAML:
    _, sequence, offset = load_yaml_guess_indent(text)
    writer = YAML()
    writer.preserve_quotes = True
    writer.width = 4096
    writer.indent(mapping=2, sequence=sequence or 4, offset=offset or 2)
    return writer


def _inside(place: CommentedMap, key: str, path: Sequence[str]) -> CommentedMap:
    inner = place.get(key)
    if inner is None:
        inner = CommentedMap()
        place.pop(key, None)
        place.insert(max(0, len(place) - 1), key, inner)  # what follows the last key stays behind it
    if not isinstance(inner, CommentedMap):
        raise UsageError(f"{'.'.join(path)} cannot be set: {key} is no mapping in the configuration file")
    return inner


def _in_one_line(numbers: Sequence[float]) -> CommentedSeq:
    line = CommentedSeq(numbers)
    line.fa.set_flow_style()
    return line
