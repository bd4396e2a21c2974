"""Reading a piece by a field's type: what it says, or why it cannot be said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any

from foureyes.engine.answer import Reason
from foureyes.engine.confusions import as_digits, as_dollars, is_slipped_number
from foureyes.engine.labels import similarity
from foureyes.engine.pieces import Piece
from foureyes.schema import moments, values
from foureyes.schema.document import Field
from foureyes.schema.values import Ambiguous, DecimalSign, Parsed, Value

_PARSERS = {"money": values.money, "percent": values.percent, "number": values.number, "integer": values.number}
_LEFT_OVER = re.compile(r"^[:=.\s]+|[\s:;,]+$")


@dataclass(frozen=True)
class Typed:
    """A value read by its type, with its currency; `reason` where it cannot be told."""

    value: Any
    reason: Reason | None = None
    currency: str | None = None


def typed(field: Field, text: str, unit: str, page_sign: DecimalSign | None) -> Typed | None:
    """Read a text by a field's type; None where it is no such value at all."""
    plain = _LEFT_OVER.sub("", text)
    if field.kind in _PARSERS:
        return _number(field, plain, unit, page_sign) or _settled(field, f"{plain}{unit}", page_sign)
    if field.kind == "enum":
        return _member(field, plain)
    if field.kind == "boolean":
        told = moments.boolean(plain)
        return None if told is None else Typed(told)
    if field.kind == "time":
        moment = moments.moment(plain) or moments.moment(as_digits(plain))
        return None if moment is None else Typed(moment)
    return Typed(plain) if field.kind == "text" and plain else None


def suits(field: Field, piece: Piece) -> bool:
    """Whether a piece can be read by a field's type, be it ambiguous."""
    return typed(field, piece.text, piece.unit, None) is not None


def page_sign(texts: Iterable[str]) -> DecimalSign | None:
    """The decimal sign that the page's numbers agree on, or None."""
    used = {sign for text in texts if (sign := values.sign_used(text))}
    return used.pop() if len(used) == 1 else None


def _settled(field: Field, text: str, sign: DecimalSign | None) -> Typed | None:
    """Read a number of which a character or two were taken for others that look alike."""
    if not is_slipped_number(text):
        return None
    return _number(field, as_dollars(text) if field.kind == "money" else as_digits(text), "", sign)


def _number(field: Field, text: str, unit: str, sign: DecimalSign | None) -> Typed | None:
    if (field.kind == "percent" and unit not in {"", "%"}) or (field.kind == "money" and unit):
        return None
    parsed = _parsed(field, text.removesuffix("%") if field.kind == "number" else text, sign)
    if isinstance(parsed, Ambiguous):
        return Typed(None, "ambiguous", parsed.currency)
    return _in_range(field, parsed) if parsed else None


def _parsed(field: Field, text: str, sign: DecimalSign | None) -> Parsed:
    parse = _PARSERS[field.kind]
    decimals = 0 if field.kind == "integer" and text[-1:].isdigit() else field.annotations.get("x-decimals")
    own_sign = field.annotations.get("x-decimal-sign")
    parsed = parse(text, decimals=decimals, decimal_sign=own_sign)
    if isinstance(parsed, Ambiguous) and sign is not None:
        return parse(text, decimals=decimals, decimal_sign=sign)
    return parsed


def _in_range(field: Field, parsed: Value) -> Typed | None:
    low, high, figure = field.minimum, field.maximum, parsed.number
    if field.kind == "integer" and figure != int(figure):
        return None
    if (low is not None and figure < low) or (high is not None and figure > high):
        return Typed(None, "implausible", parsed.currency)
    if field.kind == "money":
        return Typed(parsed.plain, None, parsed.currency)
    return Typed(int(figure) if field.kind == "integer" else float(figure), None, parsed.currency)


def _member(field: Field, text: str) -> Typed | None:
    alike = sorted(((similarity(member, text), member) for member in field.members), reverse=True)
    if not alike or alike[0][0] == 0:
        return None
    if len(alike) > 1 and alike[1][0] == alike[0][0]:
        return Typed(None, "ambiguous")
    return Typed(alike[0][1])
