"""Reading labelled screens in process, and what was wrong with what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foureyes.engine import reader
from foureyes.engine.answer import Answer
from foureyes.engine.memo import Memo, Memory
from foureyes.engine.ocr import Ocr
from foureyes.engine.page import PageReader
from foureyes.engine.timings import Timings
from foureyes.evaluation.truth import Withheld, is_shown
from foureyes.evaluation.verdict import Verdict, judge
from foureyes.picture import decode
from parts.labelled.screens import Screen

Read = Callable[[Screen], Answer]


@dataclass(frozen=True)
class Failure:
    """A field that was not read as it is."""

    verdict: Verdict
    picture: str
    field: str
    shown: str
    truth: Any
    got: Any
    text: str | None
    """What the value was read from."""


@dataclass
class Score:
    """Counts of fields, and the failures among them."""

    shown: int = 0
    published: int = 0
    failures: list[Failure] = field(default_factory=list)

    def count(self, verdict: Verdict) -> int:
        """How many failures there are of a kind."""
        return sum(failure.verdict == verdict for failure in self.failures)

    def __str__(self) -> str:
        counts = ", ".join(f"{self.count(verdict)} {verdict}" for verdict in _FAILED)
        return f"{self.shown} shown, {self.published} published; {counts}"


_FAILED = (Verdict.WRONG, Verdict.WITHHELD, Verdict.OTHER_REASON)


def in_process(ocr: Ocr | None = None) -> Read:
    """A reader without a server; every screen is new to it."""
    nets = ocr or Ocr(2)

    def read(screen: Screen) -> Answer:
        sight = PageReader(nets, Memo()).sight(0, decode(screen.data), None, Memory(), Timings())
        return reader.read(screen.schema, [sight])

    return read


def score(screens: Iterable[Screen], read: Read, keep: Path | None = None) -> Score:
    """Read screens and tell what failed; the pictures of failures are written to the folder `keep`."""
    total = Score()
    for screen in screens:
        before = len(total.failures)
        _score(total, screen, read(screen))
        if keep is not None and len(total.failures) > before:
            keep.mkdir(parents=True, exist_ok=True)
            (keep / screen.name).write_bytes(screen.data)
    return total


def _score(total: Score, screen: Screen, answer: Answer) -> None:
    for item in screen.fields:
        truth, value, reason = screen.truth[item.name], answer.values[item.name], answer.withheld.get(item.name)
        total.shown += is_shown(truth)
        total.published += value is not None
        verdict = judge(truth, value, reason)
        if verdict not in {Verdict.EXACT, Verdict.EMPTY}:
            told = value if value is not None else Withheld(reason or "")
            text = answer.evidence.get(item.name, {}).get("text")
            total.failures.append(Failure(verdict, screen.name, item.name, item.text, truth, told, text))
