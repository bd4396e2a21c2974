"""A frame: one picture of a source, and when it was taken."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from foureyes.picture import Picture


@dataclass(frozen=True, eq=False)
class Frame:
    """One look at a source. Frames with the same picture share one Picture object."""

    id: str
    source: str
    captured_at: datetime
    """UTC."""
    captured_mono_s: float
    """Monotonic seconds, for ages and intervals."""
    picture: Picture
