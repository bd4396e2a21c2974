"""The small history of each task: what it published, equal readings in a row as one step; bounded altogether."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foureyes.vision.reading import Reading, iso

_MOST_EACH, _LEAST_EACH, _MOST_ALL = 120, 10, 6000

Key = tuple[str, str]
"""Source and task."""


@dataclass
class _Step:
    """One or more equal readings in a row."""

    reading: Reading
    until: datetime
    times: int = 1

    def as_dict(self) -> dict[str, Any]:
        """Plain JSON values."""
        reading = self.reading
        return {
            "since": iso(reading.published_at),
            "until": iso(self.until),
            "times": self.times,
            "values": dict(reading.values),
            "withheld": dict(reading.withheld),
            "confidence": reading.confidence,
            "model": reading.model,
            "origin": reading.origin,
            "fallback": reading.fallback,
            "frame_id": reading.frame_id,
        }


class StepHistory:
    """The last steps of every task; with many tasks fewer of each are kept."""

    def __init__(self) -> None:
        self._steps: dict[Key, deque[_Step]] = {}

    def add(self, reading: Reading) -> None:
        """Take one reading."""
        steps = self._steps.setdefault((reading.source, reading.task), deque())
        if steps and _shown(steps[-1].reading) == _shown(reading):
            steps[-1].until, steps[-1].times = reading.published_at, steps[-1].times + 1
            return
        steps.append(_Step(reading, reading.published_at))
        most = max(_LEAST_EACH, min(_MOST_EACH, _MOST_ALL // len(self._steps)))
        while len(steps) > most:
            steps.popleft()

    def forget(self, gone: Iterable[Key]) -> None:
        """Have no history of these any more."""
        for key in gone:
            self._steps.pop(key, None)

    def steps(self, source: str, task: str) -> list[dict[str, Any]]:
        """The steps of one task, the oldest first; empty where nothing is known."""
        return [step.as_dict() for step in self._steps.get((source, task), ())]

    def keys(self) -> list[Key]:
        """Of what there is a history."""
        return sorted(self._steps)


def _shown(reading: Reading) -> tuple[Mapping[str, Any], Mapping[str, str], str | None, bool]:
    return reading.values, reading.withheld, reading.model, reading.fallback
