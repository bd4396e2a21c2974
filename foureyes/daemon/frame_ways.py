"""One frame's way for the page: its steps and times, and who read what from it."""

from __future__ import annotations

from dataclasses import asdict
from typing import Any

from foureyes.telemetry.traces import Traces
from foureyes.vision.reading import iso


class FrameWays:
    """Reads the traces as JSON values."""

    def __init__(self, traces: Traces) -> None:
        self._traces = traces

    def frame(self, frame_id: str) -> dict[str, Any] | None:
        """One frame's way; None where it is not known, or not any more."""
        trace = self._traces.find(frame_id)
        if trace is None:
            return None
        return {
            "id": trace.frame_id,
            "source": trace.source,
            "captured_at": iso(trace.captured_at),
            "steps": [asdict(step) for step in sorted(trace.steps, key=lambda step: step.at_ms)],
            "readings": [trace.outcomes[task].as_dict() for task in sorted(trace.outcomes)],
        }
