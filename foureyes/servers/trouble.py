"""What can be wrong with a model server; the healing ladder begins at the rung that fits."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum


class Ailment(StrEnum):
    """The kinds of trouble, by what mends them."""

    MODEL = "model"
    """The server lives, a model of it does not: load it anew."""
    GONE = "gone"
    """It ended, did not start, or does not answer: start it anew."""
    HUNG = "hung"
    """It lives and works on nothing, although somebody waits: start it anew."""
    UNAUTHORISED = "unauthorised"
    """It wants another token: no restart mends that."""


@dataclass(frozen=True)
class Trouble:
    """One thing that is wrong, with the sentence that says so."""

    ailment: Ailment
    reason: str
    model_id: str | None = None
