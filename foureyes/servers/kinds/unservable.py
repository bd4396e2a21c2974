"""Models that no server of language models can serve, although people name them: why, and what to use instead."""

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True)
class _Family:
    ids: re.Pattern[str]
    why: str
    substitute: str
    """The engine's model for the same task."""


def _ids(pattern: str) -> re.Pattern[str]:
    return re.compile(rf"(?:^|/)(?:{pattern})", re.IGNORECASE)


# seed models, section 7 of the notes on real servers
_FAMILIES = (
    _Family(_ids(r"trocr\b"), "it is an encoder and decoder for one line of text, no chat model", "ocr"),
    _Family(_ids(r"dit-(?:base|large)\b"), "it classifies scanned documents, and is no chat model", "state"),
    _Family(
        _ids(r"nv-?dino|nv-grounding-dino|dino-?v\d|grounding-dino"),
        "it embeds pictures or finds objects, and is no chat model",
        "animation",
    ),
    _Family(_ids(r"owl-?v(?:it|\d)"), "it finds objects by labels, and is no chat model", "signs"),
)


def why_unservable(model_id: str) -> str | None:
    """Why it cannot be served and what to use instead, as a sentence's end; None where it could be served."""
    family = next((each for each in _FAMILIES if each.ids.search(model_id)), None)
    if family is None:
        return None
    return f"{family.why}; use the engine's '{family.substitute}' instead (server: engine)"
