"""JSON as servers send it, refused where it could not be written as JSON again."""

from __future__ import annotations

import json
from typing import Any


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
