"""Figures out of a Prometheus text."""

from __future__ import annotations

from typing import Any

from prometheus_client.parser import text_string_to_metric_families


def samples(text: str, ending: str) -> list[tuple[dict[str, str], float]]:
    """Labels and value of every sample whose name ends so."""
    families = text_string_to_metric_families(text)
    return [
        (dict(sample.labels), float(sample.value))
        for family in families
        for sample in family.samples
        if sample.name.endswith(ending)
    ]


def total(text: str, ending: str) -> float:
    """The sum of all samples whose name ends so."""
    return sum(value for _, value in samples(text, ending))


def step_ms(text: str, frames: int) -> dict[str, Any]:
    """For each step of a frame's way: how often it ran, and wall-clock milliseconds a frame."""
    counts = {labels["step"]: value for labels, value in samples(text, "step_seconds_count")}
    return {
        labels["step"]: {"runs": int(counts[labels["step"]]), "ms_per_frame": round(1000 * value / frames, 2)}
        for labels, value in samples(text, "step_seconds_sum")
    }
