"""The words for how a part stands: one meaning each, the same in /health, on the page, in the terminal, in alerts.

Their order is that of their weight: of several troubles the one with the first word is told.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Literal

Tone = Literal["bad", "warn", "busy", "quiet", "good"]


class Word(StrEnum):
    """How a part of FourEyes stands."""

    FAILING = "failing"
    BLIND = "blind"
    FROZEN = "frozen"
    DEGRADED = "degraded"
    FALLBACK = "fallback"
    RECOVERING = "recovering"
    UNKNOWN = "unknown"
    STARTING = "starting"
    PAUSED = "paused"
    ENDED = "ended"
    OFF = "off"
    OK = "ok"

    @property
    def weight(self) -> int:
        """The larger, the worse."""
        return len(Word) - list(Word).index(self)


@dataclass(frozen=True)
class Meaning:
    """What a word says, in a sentence, and how it is to be coloured."""

    text: str
    tone: Tone


MEANINGS = {
    Word.FAILING: Meaning("does not do what it is for; its reason says what to do", "bad"),
    Word.BLIND: Meaning("no picture comes, or no model answers: nothing new is read", "bad"),
    Word.FROZEN: Meaning("pictures come, but the same one again and again: nothing of it is published", "bad"),
    Word.DEGRADED: Meaning("does less than it should, and goes on trying by itself", "warn"),
    Word.FALLBACK: Meaning("a later model than the first one answers, since that one cannot now", "warn"),
    Word.RECOVERING: Meaning("was lost, and is being brought back now", "busy"),
    Word.UNKNOWN: Meaning("was not seen working lately: neither good nor bad is claimed", "quiet"),
    Word.STARTING: Meaning("comes up for the first time", "busy"),
    Word.PAUSED: Meaning("an operator has stopped the looking: nothing new is read", "quiet"),
    Word.ENDED: Meaning("has given its last picture", "quiet"),
    Word.OFF: Meaning("is not wanted", "quiet"),
    Word.OK: Meaning("was seen working lately", "good"),
}
QUIET = frozenset({Word.OK, Word.ENDED, Word.OFF})
"""Nothing is wrong with a part of which one of these is said."""
