"""What may be written of a fault: redacted, of types that JSON and BSON hold, within a size."""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from foureyes.redaction import CUT, redact, redact_text

_MAX_INT_BITS = 63  # BSON has no longer integers
_STEPS = ((4000, 100), (1000, 50), (300, 24), (100, 12), (40, 6))
"""Characters a text and entries a list may have: the first step at which a document fits is taken."""


def plain(value: Any) -> Any:
    """Return a redacted copy of plain dicts, lists, texts, numbers, bools and None. Never raises."""
    return _storable(redact(value))


def plain_text(text: str, most_chars: int) -> str:
    """Return a text without secrets, NUL and lone surrogates, of at most so many characters and a mark."""
    clean = clean_text(redact_text(text))
    return clean if len(clean) <= most_chars else f"{clean[:most_chars]}{CUT}"


def clean_text(text: str) -> str:
    """Escape what neither UTF-8 nor a database's text can hold."""
    return text.encode("utf-8", "backslashreplace").decode("utf-8").replace("\0", "\\x00")


def _storable(value: Any) -> Any:
    if isinstance(value, str):
        return clean_text(value)
    if isinstance(value, dict):
        return {clean_text(key): _storable(item) for key, item in value.items()}
    if isinstance(value, list):
        return [_storable(item) for item in value]
    if isinstance(value, int) and value.bit_length() > _MAX_INT_BITS:
        return str(value)
    return value


def as_json(document: Mapping[str, Any]) -> str:
    """JSON of a document that is plain already."""
    return json.dumps(document, ensure_ascii=False, allow_nan=False)


def size_bytes(document: Mapping[str, Any]) -> int:
    """How large a document is as JSON in UTF-8."""
    return len(as_json(document).encode())


def fitted(document: Mapping[str, Any], most_bytes: int) -> tuple[dict[str, Any], bool]:
    """A plain document cut until it fits, and whether anything was cut.

    Long texts and the middle of long lists go first, with a mark in their place; keys stay as long as they can.
    """
    if size_bytes(document) <= most_bytes:
        return dict(document), False
    for chars, entries in _STEPS:
        smaller = {key: _cut(value, chars, entries) for key, value in document.items()}
        if size_bytes(smaller) <= most_bytes:
            return smaller, True
    bare = {key: CUT if isinstance(value, dict | list) else _cut(value, 40, 0) for key, value in document.items()}
    return bare, True


def _cut(value: Any, chars: int, entries: int) -> Any:
    if isinstance(value, str):
        return value if len(value) <= chars else f"{value[:chars]}{CUT}"
    if isinstance(value, dict):
        kept = dict(list(value.items())[: 2 * entries])
        mark = {CUT: CUT} if len(kept) < len(value) else {}
        return {_cut(key, chars, entries): _cut(item, chars, entries) for key, item in kept.items()} | mark
    if isinstance(value, list):
        half = entries // 2
        if len(value) > entries:
            value = [*value[:half], CUT, *value[-half:]]
        return [_cut(item, chars, entries) for item in value]
    return value


def stamp(moment: datetime) -> str:
    """A moment as text that sorts by time: UTC, always to the millisecond."""
    return moment.astimezone(UTC).isoformat(timespec="milliseconds").replace("+00:00", "Z")


def moment(text: str) -> datetime:
    """The moment that `stamp` wrote."""
    return datetime.fromisoformat(text)
