"""Signs in what is read that a source ought to move: its own clock, and a state that says moving."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, time
from typing import Any

from foureyes.schema.document import Field, Schema, fields

_MINUTE_S = 60.0


@dataclass
class _Clock:
    """One clock on the picture: what it shows, since when, and when that was last seen. Monotonic seconds."""

    counts_in_s: float | None
    """Its granularity; None: a second, or a minute until it has shown seconds."""
    value: Any = None
    since_s: float = 0.0
    seen_s: float = 0.0
    shows_seconds: bool = False

    def see(self, value: Any, seen_s: float) -> None:
        if value != self.value:
            self.value, self.since_s = value, seen_s
        self.seen_s = seen_s
        self.shows_seconds = self.shows_seconds or _has_seconds(value)

    @property
    def overdue_s(self) -> float:
        """How long it has stood beyond the time after which it should have gone on; below 0: not yet."""
        granularity_s = self.counts_in_s or (1.0 if self.shows_seconds else _MINUTE_S)
        return self.seen_s - self.since_s - granularity_s


class Liveness:
    """Whether a task's readings say that its source's pictures ought to change. One writer: the task's watch."""

    def __init__(self, schema: Schema) -> None:
        known = fields(schema)
        self._clocks = {field.name: _Clock(_seconds(field)) for field in known if "x-clock" in field.annotations}
        self._moving = {field.name: values for field in known if (values := _moving_values(field))}
        self._values: Mapping[str, Any] = {}
        self._seen_mono_s = -math.inf

    def see(self, values: Mapping[str, Any], seen_s: float) -> None:
        """Take in what is known of a picture that was looked at then."""
        self._values, self._seen_mono_s = values, seen_s
        for name, clock in self._clocks.items():
            if (value := values.get(name)) is not None:
                clock.see(value, seen_s)

    def standing_clock(self, still_s: float) -> str | None:
        """What a clock shows that should have gone on so many seconds ago; None where none stands."""
        stands = (str(clock.value) for clock in self._clocks.values() if clock.overdue_s >= still_s)
        return next(stands, None)

    def says_moving(self, after_mono_s: float) -> bool:
        """Whether a picture looked at after then says that something moves; one not read yet says nothing."""
        is_moving = any(self._values.get(name) in values for name, values in self._moving.items())
        return is_moving and self._seen_mono_s > after_mono_s


def _seconds(field: Field) -> float | None:
    """What the schema says of a clock's granularity; a number that counts does so in seconds."""
    told = field.annotations["x-clock"]
    if told is not True:
        return float(told)
    return None if field.kind == "time" else 1.0


def _has_seconds(value: Any) -> bool:
    """Whether a time tells seconds: what counts in minutes is read as a time with none."""
    try:
        moment = time.fromisoformat(value) if "-" not in value else datetime.fromisoformat(value).time()
    except (TypeError, ValueError):
        return False
    return moment.second != 0


def _moving_values(field: Field) -> list[Any]:
    motion = field.annotations.get("x-motion") or {}
    cues = field.annotations.get("x-cues") or {}
    members = [name for name, cue in cues.items() if cue.get("motion") == "moving"]
    return [value for value in (motion.get("moving"), *members) if value is not None]
