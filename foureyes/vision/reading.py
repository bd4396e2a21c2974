"""A reading: what is published of one task for one look."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

from foureyes.frames.frame import Frame
from foureyes.vision.answer import Answer

Origin = Literal["inferred", "cached", "held", "shared"]


@dataclass(frozen=True)
class Reading:
    """One look's outcome. `frame` is the picture looked at, `read_*` the picture that a model saw."""

    task: str
    source: str
    frame_id: str
    captured_at: datetime
    read_frame_id: str | None
    read_at: datetime | None
    published_at: datetime
    age_ms: float | None
    values: Mapping[str, Any]
    confidence: float | None
    confidence_from: str | None
    withheld: Mapping[str, str]
    evidence: Mapping[str, Mapping[str, Any]]
    model: str | None
    server: str | None
    latency_ms: float | None
    origin: Origin | None
    fallback: bool
    model_says: float | None = None

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values; times are ISO 8601 in UTC."""
        return {
            "task": self.task,
            "source": self.source,
            "frame_id": self.frame_id,
            "captured_at": iso(self.captured_at),
            "read_frame_id": self.read_frame_id,
            "read_at": iso(self.read_at),
            "published_at": iso(self.published_at),
            "age_ms": None if self.age_ms is None else round(self.age_ms, 1),
            "values": dict(self.values),
            "confidence": None if self.confidence is None else round(self.confidence, 4),
            "confidence_from": self.confidence_from,
            "model_says": self.model_says,
            "withheld": dict(self.withheld),
            "evidence": {name: dict(entry) for name, entry in self.evidence.items()},
            "model": self.model,
            "server": self.server,
            "latency_ms": None if self.latency_ms is None else round(self.latency_ms, 1),
            "origin": self.origin,
            "fallback": self.fallback,
        }


def iso(moment: datetime | None) -> str | None:
    """A moment as it is written: ISO 8601 in UTC, to the millisecond."""
    return None if moment is None else moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def reading_of(
    task: str, frame: Frame, answer: Answer, origin: Origin, *, now: datetime, now_mono_s: float
) -> Reading:
    """The reading that an answer makes for a look; its age counts from the picture the model saw."""
    return Reading(
        task=task,
        source=frame.source,
        frame_id=frame.id,
        captured_at=frame.captured_at,
        read_frame_id=answer.frame_id,
        read_at=answer.read_at,
        published_at=now,
        age_ms=(now_mono_s - answer.read_mono_s) * 1000,
        values=answer.values,
        confidence=answer.confidence,
        confidence_from=answer.confidence_from,
        withheld=answer.withheld,
        evidence=answer.evidence,
        model=answer.model,
        server=answer.server,
        latency_ms=answer.latency_ms if origin == "inferred" else None,
        origin=origin,
        fallback=answer.fallback,
        model_says=answer.model_says,
    )


def nothing_read(task: str, frame: Frame, fields: tuple[str, ...], reason: str, *, now: datetime) -> Reading:
    """The reading of a look that could not be read: all null, with the reason."""
    return Reading(
        task=task,
        source=frame.source,
        frame_id=frame.id,
        captured_at=frame.captured_at,
        read_frame_id=None,
        read_at=None,
        published_at=now,
        age_ms=None,
        values=dict.fromkeys(fields),
        confidence=None,
        confidence_from=None,
        withheld=dict.fromkeys(fields, reason),
        evidence={},
        model=None,
        server=None,
        latency_ms=None,
        origin=None,
        fallback=False,
    )
