"""JSON as servers send it, refused where it could not be written as JSON again."""

from __future__ import annotations

import json
from typing import Any

_DECODER = json.JSONDecoder()


def parsed(text: bytes | str) -> Any:
    """Parse a document. Raises ValueError for no JSON, NaN, infinity (1e999 too), half characters and deep nests.

    Python's parser takes all of these; published, one such value would break every reader behind us.
    """
    try:
        document = json.loads(text)
        json.dumps(document, allow_nan=False, ensure_ascii=False).encode()
    except RecursionError as error:
        raise ValueError("it is nested too deeply") from error
    return document


def end_of(text: str, start: int) -> int | None:
    """Where the value that begins at `start` ends, strict or not; None where none begins there."""
    try:
        return _DECODER.raw_decode(text, start)[1]
    except (ValueError, RecursionError):
        return None
