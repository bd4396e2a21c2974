"""Reading labelled screens in process, and what was wrong with what was read."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from decimal import Decimal, InvalidOperation
from pathlib import Path
from typing import Any

from foureyes.engine import reader
from foureyes.engine.answer import Answer
from foureyes.engine.memo import Memo, Memory
from foureyes.engine.ocr import Ocr
from foureyes.engine.page import PageReader
from foureyes.engine.timings import Timings
from foureyes.picture import decode
from parts.labelled.items import Withheld
from parts.labelled.screens import Screen

Read = Callable[[Screen], Answer]


@dataclass(frozen=True)
class Failure:
    """A field that was not read as it is."""

    what: str
    """wrong: published and not so; withheld: shown, not published; reason: rightly empty, for another reason."""
    picture: str
    field: str
    shown: str
    truth: Any
    got: Any
    evidence: Mapping[str, Any]


@dataclass
class Score:
    """Counts of fields, and the failures among them."""

    shown: int = 0
    published: int = 0
    failures: list[Failure] = field(default_factory=list)

    def count(self, what: str) -> int:
        """How many failures there are of a kind."""
        return sum(failure.what == what for failure in self.failures)

    def __str__(self) -> str:
        told = f"{self.shown} shown, {self.published} published, {self.count('wrong')} wrong, "
        return told + f"{self.count('withheld')} withheld, {self.count('reason')} withheld for another reason"


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
        truth, got = screen.truth[item.name], answer.values[item.name]
        reason = answer.withheld.get(item.name)
        total.shown += not isinstance(truth, Withheld)
        total.published += got is not None
        if what := _failure(truth, got, reason):
            told = got if got is not None else Withheld(reason or "")
            evidence = answer.evidence.get(item.name, {})
            total.failures.append(Failure(what, screen.name, item.name, item.text, truth, told, evidence))


def _failure(truth: Any, got: Any, reason: str | None) -> str | None:
    if got is not None:
        return None if not isinstance(truth, Withheld) and same(truth, got) else "wrong"
    if not isinstance(truth, Withheld):
        return "withheld"
    return None if reason == truth.reason else "reason"


def same(truth: Any, got: Any) -> bool:
    """Whether two values are equal; amounts are equal as numbers, "5" as "5.0"."""
    if isinstance(truth, str) and isinstance(got, str):
        try:
            return Decimal(truth) == Decimal(got)
        except InvalidOperation:
            return truth == got
    return isinstance(truth, bool) == isinstance(got, bool) and bool(truth == got)
