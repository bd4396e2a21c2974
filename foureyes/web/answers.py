"""JSON as every route answers it: what a picture or a model said may hold what UTF-8 cannot."""

from __future__ import annotations

import json
from typing import Any

from fastapi.responses import JSONResponse


def json_bytes(value: Any) -> bytes:
    """JSON in UTF-8; half a surrogate pair becomes its escape, which is JSON too."""
    text = json.dumps(value, ensure_ascii=False, allow_nan=False, separators=(",", ":"))
    return text.encode("utf-8", "backslashreplace")


class Json(JSONResponse):
    """A JSON answer that no text can break."""

    def render(self, content: Any) -> bytes:
        """The body."""
        return json_bytes(content)
