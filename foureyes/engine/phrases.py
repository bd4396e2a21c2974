"""Finding a phrase among lines, and telling a headline from a word in running text."""

from __future__ import annotations

import statistics
from collections.abc import Sequence
from dataclasses import dataclass

from foureyes.engine.labels import similarity
from foureyes.engine.line import Line

_RUNNING_WORDS = 5
"""A line with more words than this beside the phrase is running text."""


@dataclass(frozen=True)
class Phrase:
    """A phrase that was found in a line; `weight` (0 to 1) is how much it is the line, and the line the page."""

    line: Line
    weight: float


def phrase_in(phrase: str, line: Line, page: Sequence[Line]) -> Phrase | None:
    """Find a phrase in a line as whole words; None where it is not there."""
    likeness, share = _likeness(phrase, line.text)
    if likeness == 0:
        return None
    size = line.box.height / statistics.median(other.box.height for other in page)
    prominent = min(1.0, share * max(1.0, size)) if share < 1 else 1.0
    return Phrase(line, likeness * prominent)


def _likeness(phrase: str, text: str) -> tuple[float, float]:
    """How like the phrase its best place in the text is, and the share of the text's words that it takes."""
    words = text.split()
    length = len(phrase.split())
    runs = [
        " ".join(words[start : start + size]) for size in (length, 1) for start in range(len(words) - size + 1)
    ]
    best = max((similarity(phrase, run) for run in runs), default=0.0)
    extra = max(0, len(words) - length)
    return best, 1.0 if extra <= 1 else max(0.0, 1 - extra / _RUNNING_WORDS)
