"""One field asked of one picture: what a piece says of it, read twice where a slip would be another value.

A value of numbers or times is published where two reads of its pixels say the same (`reads` 2 in the evidence).
Where they differ it is withheld as a conflict, and the evidence has `alternatives`: what each read was, with its
typed value (null where it has none) and the recogniser's score.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from foureyes.engine.answer import Finding, Reason, corners, withheld
from foureyes.engine.ink import type_size_px
from foureyes.engine.pieces import Piece
from foureyes.engine.rereading import READ_TWICE, read_again
from foureyes.engine.sight import Sight
from foureyes.engine.typed import Typed, typed
from foureyes.picture import Box
from foureyes.schema.document import Field
from foureyes.schema.values import DecimalSign

SMALLEST_TEXT_PX = 12


@dataclass(frozen=True)
class Asked:
    """A field, the picture that it is asked of, and the decimal sign that the picture's numbers agree on."""

    field: Field
    sight: Sight
    sign: DecimalSign | None

    def typed(self, piece: Piece) -> Typed | None:
        """What a piece says by the field's type; None where it is no such value at all."""
        return typed(self.field, piece.text, piece.unit, self.sign)

    def judged(self, piece: Piece, said: Typed, label_box: Box | None, confidence: float) -> Finding:
        """A finding with its evidence; withheld where it is in doubt or its text too small to be read without."""
        px_height = type_size_px(self.sight.pixels, piece.box)
        evidence = {**self._evidence(piece, said, label_box, confidence), "px_height": px_height}
        if px_height < SMALLEST_TEXT_PX:
            return withheld("too_small", **evidence)
        if self.field.kind in READ_TWICE and said.reason in {None, "implausible"}:
            evidence["reads"] = 2
            again = read_again(self.field, piece, self.sight)
            told_again = self.typed(again) if again else None
            if told_again is None or told_again.value != said.value or told_again.reason != said.reason:
                reads = [(piece, said), *([(again, told_again)] if again else [])]
                return withheld("conflict", **evidence, alternatives=list(_alternatives(reads)))
        return _finding(said, evidence, confidence)

    def _evidence(self, piece: Piece, said: Typed, label_box: Box | None, confidence: float) -> Mapping[str, Any]:
        currency = {"currency": said.currency} if said.currency else {}
        return {
            "text": piece.whole,
            "box": corners(piece.box),
            "picture": self.sight.index,
            "label_box": corners(label_box),
            "reads": 1,
            "score": round(piece.score, 4),
            "confidence": round(confidence, 3),
            **currency,
        }


def _finding(said: Typed, evidence: Mapping[str, Any], confidence: float) -> Finding:
    reason: Reason | None = said.reason
    return Finding(said.value, None, evidence, confidence) if reason is None else withheld(reason, **evidence)


def _alternatives(reads: Iterable[tuple[Piece, Typed | None]]) -> Iterable[dict[str, Any]]:
    for piece, said in reads:
        yield {"text": piece.whole, "value": said.value if said else None, "score": round(piece.score, 4)}
