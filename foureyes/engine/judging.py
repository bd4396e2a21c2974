"""One field asked of one picture: what a piece says of it, read twice where a slip would be another value.

A value of numbers or times is published where two reads of its pixels say the same (`reads` 2 in the evidence).
Where they differ it is withheld as a conflict, and the evidence has `alternatives`: what each read was, with its
typed value (null where it has none) and the recogniser's score. What is ambiguous or out of the field's range has
as alternatives the values that it could be, if any.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from foureyes.engine.answer import Finding, corners, withheld
from foureyes.engine.confusions import with_sign
from foureyes.engine.ink import type_size_px
from foureyes.engine.parting_dash import has_parting_dash
from foureyes.engine.pieces import Piece
from foureyes.engine.rereading import continued, is_cut_off, read_again
from foureyes.engine.script import legible
from foureyes.engine.sight import Sight
from foureyes.engine.typed import Typed, typed
from foureyes.engine.unread_minus import has_unread_minus
from foureyes.picture import Box
from foureyes.schema.document import READ_TWICE, Field
from foureyes.schema.values import DecimalSign

SMALLEST_TEXT_PX = 12
SIGNED = READ_TWICE - {"time"}
"""Kinds of values that may be less than nought."""


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
        px_height = type_size_px(self.sight.pixels, piece.box, piece.text)
        evidence = {**self._evidence(piece, said, label_box, confidence), "px_height": px_height}
        if px_height < SMALLEST_TEXT_PX:
            return withheld("too_small", **evidence)
        if self.field.kind == "text" and not legible(piece, self.sight):
            return withheld("unreadable", **evidence)
        if self.field.kind in READ_TWICE and is_cut_off(piece, self.sight):
            return withheld("unreadable", **evidence)
        if self.field.kind in SIGNED and (
            has_unread_minus(piece, self.sight) or has_parting_dash(piece, self.sight)
        ):
            return withheld("conflict", **evidence, alternatives=[_alternative(piece, said.value)])
        if self.field.kind in READ_TWICE and said.reason in {None, "implausible"}:
            return self._read_twice(piece, said, {**evidence, "reads": 2}, confidence)
        return _finding(piece, said, evidence, confidence)

    def _read_twice(self, piece: Piece, said: Typed, evidence: Mapping[str, Any], confidence: float) -> Finding:
        again = read_again(self.field, piece, self.sight)
        told = self.typed(again) if again is not None else None
        alike = told is not None and (told.value, told.reason) == (said.value, said.reason)
        other = continued(self.field, piece, self.sight) if alike else again
        if alike and other is None:
            other = self._with_sign(piece, said)
        if alike and other is None:
            return _finding(piece, said, evidence, confidence)
        second = [_alternative(other, self._value(other))] if other is not None else []
        return withheld("conflict", **evidence, alternatives=[_alternative(piece, said.value), *second])

    def _with_sign(self, piece: Piece, said: Typed) -> Piece | None:
        """The piece with its last digits as the sign that they may be, if it is a value then."""
        if "." not in str(said.value):  # the last three digits of an amount are thousands, no decimals
            return None
        text = with_sign(self.field.kind, piece.whole)
        signed = replace(piece, text=text, unit="") if text is not None else None
        return signed if signed is not None and self._value(signed) is not None else None

    def _value(self, piece: Piece) -> Any:
        said = self.typed(piece)
        return said.value if said is not None else None

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


def _finding(piece: Piece, said: Typed, evidence: Mapping[str, Any], confidence: float) -> Finding:
    if said.reason is None:
        return Finding(said.value, None, evidence, confidence)
    others = [_alternative(piece, other) for other in said.others]
    return withheld(said.reason, **evidence, **({"alternatives": others} if others else {}))


def _alternative(piece: Piece, value: Any) -> dict[str, Any]:
    return {"text": piece.whole, "value": value, "score": round(piece.score, 4)}
