"""Readings from a file of JSON lines, and sums over them."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterable, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any

Reading = dict[str, Any]

_KEPT = (
    *("task", "frame_id", "read_frame_id", "captured_at", "published_at", "age_ms", "values", "withheld"),
    *("confidence", "origin", "latency_ms", "fallback"),
)


def load(file: Path) -> list[Reading]:
    """Read every whole line."""
    lines = file.read_text("utf-8").splitlines(keepends=True) if file.exists() else []
    return [json.loads(line) for line in lines if line.endswith("\n")]


def of_task(readings: Iterable[Reading], task: str) -> list[Reading]:
    """Only the readings of one task."""
    return [reading for reading in readings if reading["task"] == task]


def number(frame_id: str) -> int:
    """Return n of the frame id `main-000123`."""
    return int(frame_id.rpartition("-")[2])


def moment(text: str) -> float:
    """Seconds since the epoch of an ISO time."""
    return datetime.fromisoformat(text).timestamp()


def percentile(values: Sequence[float], share: float) -> float | None:
    """Return the smallest value that `share` of all are not above; None of none."""
    ordered = sorted(values)
    return ordered[min(len(ordered) - 1, int(share * len(ordered)))] if ordered else None


def by_task(readings: Sequence[Reading], seconds: float) -> dict[str, Any]:
    """For each task: readings a second, their origins, ages and latencies."""
    return {task: _figures(of_task(readings, task), seconds) for task in sorted({one["task"] for one in readings})}


def _figures(readings: Sequence[Reading], seconds: float) -> dict[str, Any]:
    ages = [one["age_ms"] for one in readings if one["age_ms"] is not None]
    fresh = [one["age_ms"] for one in readings if one["origin"] == "inferred"]
    latencies = [one["latency_ms"] for one in readings if one["latency_ms"] is not None]
    return {
        "readings": len(readings),
        "readings_per_s": round(len(readings) / seconds, 2),
        "origins": dict(Counter(one["origin"] or "none" for one in readings)),
        "age_ms_p95": percentile(ages, 0.95),
        "age_ms_p95_when_inferred": percentile(fresh, 0.95),
        "latency_ms_p50": percentile(latencies, 0.5),
        "latency_ms_p95": percentile(latencies, 0.95),
    }


def write_raw(readings: Sequence[Reading], file: Path) -> None:
    """Keep the readings that a figure was made from, without what the figure does not need."""
    kept = ({key: reading.get(key) for key in _KEPT} for reading in readings)
    file.write_text("".join(json.dumps(one, ensure_ascii=False) + "\n" for one in kept), encoding="utf-8")
