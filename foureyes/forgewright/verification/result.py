"""What a verification found: its steps in their order, and what they come to."""

from __future__ import annotations

from datetime import datetime
from enum import StrEnum

from pydantic import BaseModel, ConfigDict


class Outcome(StrEnum):
    """What is known of a fix."""

    VERIFIED = "verified"
    REJECTED = "rejected"
    """The fix is at fault."""
    UNDECIDED = "undecided"
    """It could not be told; the fix may be good."""


class Step(BaseModel):
    """One step, and what it showed."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: str
    ok: bool
    said: str
    seconds: float
    output: str = ""
    """The end of what was printed, without secrets."""


class Verification(BaseModel):
    """One verification of one patch."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    at: datetime
    outcome: Outcome
    reason: str
    """A sentence."""
    patch_sha256: str | None
    """None of what is no readable file."""
    files: tuple[str, ...]
    """What the patch touches."""
    project: str | None
    """The tree that was copied."""
    steps: tuple[Step, ...]
    seconds: float
