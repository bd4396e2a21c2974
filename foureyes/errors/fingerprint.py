"""The fingerprint of a fault: what is alike in all faults of one kind. Equal fingerprints are one group."""

from __future__ import annotations

import hashlib
import re

from foureyes.errors.description import Description

VERSION = 1
"""Part of every fingerprint: a change of the rules makes new groups, and never mixes old ones."""

_LOOKED_AT_CHARS = 2000
_RULES = (
    (re.compile(r"\b[a-z][a-z0-9+.-]{1,20}://[^\s'\"<>]++", re.IGNORECASE), "<url>"),
    (re.compile(r"(?<=['\"])(?:~?/|[A-Za-z]:[\\/]|\\\\)[^'\"\n<>]{1,500}+"), "<path>"),
    (re.compile(r"(?<![\w/.>~])~?(?:/[\w.@+%-]++)++/?"), "<path>"),
    (re.compile(r"\b[A-Za-z]:\\[^\s'\"<>|]++"), "<path>"),
    (re.compile(r"\b[0-9a-f]{8}(?:-[0-9a-f]{4}){3}-[0-9a-f]{12}\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\b(?:\d{1,3}\.){3}\d{1,3}(?::\d{1,5})?\b"), "<address>"),
    (
        re.compile(
            r"(?<![\w:.])(?=[\d:]{0,40}[a-f]|[\da-f:]{0,40}::)(?:[\da-f]{0,4}:){2,7}[\da-f]{0,4}(?![\w:])",
            re.IGNORECASE,
        ),
        "<address>",
    ),
    (re.compile(r"\b0x[0-9a-f]++\b|\b(?=\d{0,64}[a-f])(?=[a-f]{0,64}\d)[0-9a-f]{7,64}+\b", re.IGNORECASE), "<id>"),
    (re.compile(r"\d++(?:[.,:]\d++)*+"), "<n>"),
)


def fingerprint(description: Description) -> str:
    """The hash of the type, our own frames without lines (where there is none, all) and the normalised message."""
    ours = [frame for frame in description.stack if frame.in_project] or description.stack
    places = [f"{frame.file}:{frame.function}" for frame in ours]
    key = "\n".join([description.type, *places, normalised(description.message)])
    return f"{VERSION}-{hashlib.sha256(key.encode()).hexdigest()[:24]}"


def normalised(message: str) -> str:
    """A message with ids, numbers, paths and addresses taken out."""
    text = message[:_LOOKED_AT_CHARS]
    for pattern, name in _RULES:
        text = pattern.sub(name, text)
    return text
