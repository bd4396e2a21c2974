"""Reading a piece by a field's type: what it says, or why it cannot be said."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from foureyes.engine.answer import Reason
from foureyes.engine.confusions import as_digits, as_letters, as_money, is_slipped_number
from foureyes.engine.labels import similarity
from foureyes.engine.pieces import Piece
from foureyes.schema import moments, values
from foureyes.schema.document import Field
from foureyes.schema.values import Ambiguous, DecimalSign, Parsed, Value

_PARSERS = {"money": values.money, "percent": values.percent, "number": values.number, "integer": values.number}
_LEFT_OVER = re.compile(r"^[:=\s]+|^\.+(?=\D|\d+[.,:]\d|$)|[\s:;,]+$")
"""What leads to a value or ends a sentence; ".80" alone could be a fraction or the rest of a longer number."""

_ENDS_OPEN = re.compile(r"[0-9][.,]+$")
"""A number may go on behind its separator, where the detector cut it ("0," of "0,52 €")."""


@dataclass(frozen=True)
class Typed:
    """A value read by its type, with its currency; `reason` where it cannot be told."""

    value: Any
    reason: Reason | None = None
    currency: str | None = None
    others: tuple[Any, ...] = ()
    """Where it cannot be told: the values in the field's range that it could be."""


def typed(field: Field, text: str, unit: str, page_sign: DecimalSign | None) -> Typed | None:
    """Read a text by a field's type; None where it is no such value at all."""
    plain = _LEFT_OVER.sub("", text)
    if field.kind in _PARSERS and _ENDS_OPEN.search(text) and not unit:
        return Typed(None, "ambiguous")
    if field.kind in _PARSERS:
        return _number(field, plain, unit, page_sign) or _settled(field, f"{plain}{unit}", page_sign)
    if field.kind == "enum":
        return _member(field, plain)
    if field.kind == "boolean":
        told = next((word for word in map(moments.boolean, (plain, as_letters(plain))) if word is not None), None)
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
    return _number(field, as_money(text) if field.kind == "money" else as_digits(text), "", sign)


def _number(field: Field, text: str, unit: str, sign: DecimalSign | None) -> Typed | None:
    if (field.kind == "percent" and unit not in {"", "%"}) or (field.kind == "money" and unit):
        return None
    if text[:1] in {".", ","}:
        return Typed(None, "ambiguous")
    parsed = _parsed(field, text.removesuffix("%") if field.kind == "number" else text, sign)
    if isinstance(parsed, Ambiguous):
        return Typed(None, "ambiguous", parsed.currency, _fitting(field, parsed.readings))
    if parsed is None or (field.kind == "integer" and parsed.number != int(parsed.number)):
        return None
    if _is_in_range(field, parsed.number):
        return Typed(_value(field, parsed.plain), None, parsed.currency)
    return Typed(None, "implausible", parsed.currency, _without_dollar(field, text, sign))


def _parsed(field: Field, text: str, sign: DecimalSign | None) -> Parsed:
    parse = _PARSERS[field.kind]
    decimals = 0 if field.kind == "integer" and text[-1:].isdigit() else field.annotations.get("x-decimals")
    own_sign = field.annotations.get("x-decimal-sign")
    parsed = parse(text, decimals=decimals, decimal_sign=own_sign)
    if isinstance(parsed, Ambiguous) and sign is not None:
        return parse(text, decimals=decimals, decimal_sign=sign)
    return parsed


def _is_in_range(field: Field, figure: Decimal) -> bool:
    low, high = field.minimum, field.maximum
    return (low is None or figure >= low) and (high is None or figure <= high)


def _value(field: Field, plain: str) -> Any:
    if field.kind == "money":
        return plain
    return int(Decimal(plain)) if field.kind == "integer" else float(plain)


def _fitting(field: Field, plains: Iterable[str]) -> tuple[Any, ...]:
    return tuple(_value(field, plain) for plain in plains if _is_in_range(field, Decimal(plain)))


def _without_dollar(field: Field, text: str, sign: DecimalSign | None) -> tuple[Any, ...]:
    """What an amount out of range would be, had its dollar sign been taken for a 5 or an 8."""
    rest = _parsed(field, text[1:], sign) if field.kind == "money" and text[:1] in {"5", "8"} else None
    return _fitting(field, [rest.plain]) if isinstance(rest, Value) else ()


def _member(field: Field, text: str) -> Typed | None:
    alike = sorted(((similarity(member, text), member) for member in field.members), reverse=True)
    if not alike or alike[0][0] == 0:
        return None
    if len(alike) > 1 and alike[1][0] == alike[0][0]:
        return Typed(None, "ambiguous")
    return Typed(alike[0][1])
