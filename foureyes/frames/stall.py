"""Naming the cause where a source gives no new pictures, from its last progress, never its last attempt."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime


@dataclass(frozen=True)
class CameraState:
    """How a camera stands: a snapshot that never changes. Times ending in _mono_s are monotonic seconds."""

    kind: str
    description: str
    finite: bool
    frames: int
    """Successful looks."""
    last_frame_at: datetime | None
    """UTC."""
    progress_mono_s: float
    """When the last successful look ended; before the first one, when the camera was made."""
    changed_mono_s: float
    """When the picture last became another one."""
    grabbing_since_mono_s: float | None
    """Since when a call of the source runs; None while none does."""
    error: str | None
    """What the last look failed with; None after a successful one."""
    error_cause: str | None
    """Short: away, password, missing, hung, unreadable."""

    def since_progress_s(self, now_s: float) -> float:
        """Seconds since the last successful look."""
        return now_s - self.progress_mono_s

    def since_change_s(self, now_s: float) -> float:
        """Seconds since the picture last became another one."""
        return now_s - self.changed_mono_s


@dataclass(frozen=True)
class Stall:
    """A source that stands still: the cause in a word (for metrics) and as a sentence."""

    cause: str
    text: str


def stall(
    state: CameraState, now_s: float, *, stall_s: float, frozen_after_s: float | None, loop_late: bool
) -> Stall | None:
    """Return why `state` stands still at `now_s`; None where it does not.

    `stall_s` without a successful look is a stall, `frozen_after_s` of one and the same picture is a frozen source
    (None: a picture may stand for ever). `loop_late` says that our own loop did not get to looking.
    """
    if state.since_progress_s(now_s) < stall_s:
        return _frozen(state, now_s, frozen_after_s)
    still = f"no picture for {state.since_progress_s(now_s):.0f} s"
    called_s = state.grabbing_since_mono_s
    if called_s is not None and (state.error is None or now_s - called_s >= stall_s):
        return Stall("hung", f"{still}: the call to {state.description} does not return")
    if state.error is not None:
        return Stall(state.error_cause or "away", f"{still}: {state.error}")
    if loop_late:
        return Stall("loop_late", f"{still}: the machine is too busy for FourEyes to look")
    return Stall("away", f"{still} from {state.description}")


def _frozen(state: CameraState, now_s: float, frozen_after_s: float | None) -> Stall | None:
    still_s = state.since_change_s(now_s)
    if frozen_after_s is None or state.frames == 0 or still_s < frozen_after_s:
        return None
    return Stall("frozen", f"{state.description} gives the same picture for {still_s:.0f} s; does it hang?")
