"""A validated answer: what a model said of one picture, checked against the task's schema."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any


@dataclass(frozen=True)
class Answer:
    """Values by field (null where not known, with the reason in `withheld`), their evidence, and who said so."""

    values: Mapping[str, Any]
    withheld: Mapping[str, str]
    evidence: Mapping[str, Mapping[str, Any]]
    confidence: float | None
    confidence_from: str | None
    model_says: float | None
    model: str
    server: str
    latency_ms: float
    fallback: bool
    frame_id: str
    """The frame that the model saw."""
    read_at: datetime
    read_mono_s: float
