"""What the models `state` and `signs` are asked, without a server around them."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from foureyes.engine import signs
from foureyes.engine.answer import Answer
from foureyes.engine.memo import Memo, Memory
from foureyes.engine.ocr import Ocr
from foureyes.engine.page import PageReader
from foureyes.engine.timings import Timings
from foureyes.picture import Pixels

_PROPERTIES: Mapping[str, Any] = {
    "error_text": {"type": ["string", "null"], "x-sign": "error_text"},
    "popup": {"type": ["boolean", "null"], "x-sign": "dialog"},
    "disconnected": {"type": ["boolean", "null"], "x-sign": "disconnected"},
    "black": {"type": ["boolean", "null"], "x-sign": "black"},
    "blank": {"type": ["boolean", "null"], "x-sign": "blank"},
}
SIGNS: Mapping[str, Any] = {"type": "object", "properties": _PROPERTIES, "required": list(_PROPERTIES)}


class Lookout:
    """Looks out for signs; with a stream's name unchanged text is not read again."""

    def __init__(self, ocr: Ocr) -> None:
        self._pages = PageReader(ocr, Memo())

    def look(self, pixels: Pixels, stream: str | None = None, *, anew: bool = False) -> Answer:
        """Look at the next picture of a stream; anew: with nothing that is remembered from before."""
        memory = Memory(self._pages.memo.clock()) if anew else Memory()
        return signs.look_out(SIGNS, [self._pages.sight(0, pixels, stream, memory, Timings())])


def seen(ocr: Ocr, pixels: Pixels) -> Answer:
    """What one picture shows."""
    return Lookout(ocr).look(pixels)
