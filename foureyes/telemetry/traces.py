"""The way of the last frames: each step with its time, and what became of it; bounded."""

from __future__ import annotations

import time
from collections import OrderedDict
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

_MOST_FRAMES = 300
_MOST_STEPS = 200
_looking: ContextVar[tuple[str, str] | None] = ContextVar("looking", default=None)


@contextmanager
def looking_at(frame_id: str, task: str) -> Iterator[None]:
    """Have the steps made inside, in this task and those it starts, counted to a frame and a task."""
    token = _looking.set((frame_id, task))
    try:
        yield
    finally:
        _looking.reset(token)


@dataclass(frozen=True, slots=True)
class Step:
    """One step: which task made it (None: the capture), when after the capture it began, how long it took."""

    name: str
    task: str | None
    at_ms: float
    took_ms: float


@dataclass
class Trace:
    """One frame's way. Times are monotonic seconds."""

    frame_id: str
    source: str
    captured_at: datetime
    captured_mono_s: float
    steps: list[Step] = field(default_factory=list)
    outcomes: dict[str, Any] = field(default_factory=dict)
    """What each task made of it."""


class Traces:
    """The last frames of all sources. May be called from any thread."""

    def __init__(self, now: Callable[[], float] = time.monotonic, most: int = _MOST_FRAMES) -> None:
        self._now = now
        self._most = most
        self._traces: OrderedDict[str, Trace] = OrderedDict()

    def begin(self, frame_id: str, source: str, captured_at: datetime, captured_mono_s: float) -> None:
        """A frame was captured: it took until now."""
        trace = self._traces[frame_id] = Trace(frame_id, source, captured_at, captured_mono_s)
        trace.steps.append(Step("capture", None, 0.0, self._ms(captured_mono_s)))
        while len(self._traces) > self._most:
            self._traces.popitem(last=False)

    def step(self, name: str, took_s: float) -> None:
        """A step has ended that took so long; nothing where it was no frame's."""
        if (looking := _looking.get()) is None:
            return
        frame_id, task = looking
        trace = self._traces.get(frame_id)
        if trace is not None and len(trace.steps) < _MOST_STEPS:
            at_ms = self._ms(trace.captured_mono_s) - took_s * 1000
            trace.steps.append(Step(name, task, round(at_ms, 2), round(took_s * 1000, 2)))

    def outcome(self, frame_id: str, task: str, reading: Any) -> None:
        """What a task made of a frame."""
        if (trace := self._traces.get(frame_id)) is not None:
            trace.outcomes[task] = reading

    def find(self, frame_id: str) -> Trace | None:
        """One frame's way; None where it is not known, or not any more."""
        return self._traces.get(frame_id)

    def _ms(self, since_s: float) -> float:
        return round((self._now() - since_s) * 1000, 2)
