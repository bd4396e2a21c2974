"""The JSON object in what a language model wrote: alone, in a fence, behind its thoughts, or amid prose."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Mapping
from typing import Any

from foureyes.servers.http import strict_json

_MAX_CHARS = 200_000
_MAX_BRACES = 200
"""A brace that begins nothing costs a look at all that follows, so there is an end to trying."""


def found(text: str, names: Collection[str]) -> Mapping[str, Any]:
    """The whole text where it is an object, else the last object in it that has one of the wanted names.

    Raises ValueError that says what is wrong: no such object, or one that is no JSON (NaN).
    """
    whole = text.strip()
    if strict_json.end_of(whole, 0) == len(whole):
        document = strict_json.parsed(whole)
        if isinstance(document, dict):
            return document
        raise ValueError("the JSON is no object")
    for candidate in reversed(list(_objects(text[-_MAX_CHARS:]))):
        document = strict_json.parsed(candidate)
        if not names or not document.keys().isdisjoint(names):
            return dict(document)
    raise ValueError("there is no JSON object in it")


def _objects(text: str) -> Iterator[str]:
    """Everything in a text that reads as an object, the outermost ones."""
    at = text.find("{")
    for _ in range(_MAX_BRACES):
        if at < 0:
            return
        end = strict_json.end_of(text, at)
        if end is not None:
            yield text[at:end]
        at = text.find("{", at + 1 if end is None else end)
