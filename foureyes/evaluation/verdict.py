"""What became of one field: as it is, wrong, or left empty with or without right."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from enum import StrEnum
from typing import Any

from foureyes.evaluation.truth import Truth, Withheld, is_shown


class Verdict(StrEnum):
    """One field of one picture; the first, WITHHELD and MISSING are of values that the picture shows."""

    EXACT = "exact"
    """Published, and so."""
    WRONG = "wrong"
    """Published, and not so."""
    WITHHELD = "withheld"
    """There is a value, and none was published."""
    MISSING = "missing"
    """The picture was not read at all."""
    EMPTY = "empty"
    """Rightly withheld, for the right reason."""
    OTHER_REASON = "other_reason"
    """Rightly withheld, for another reason than the truth gives."""


def judge(truth: Truth, value: Any, reason: str | None) -> Verdict:
    """Judge what was published of a field: its value, or None and the reason."""
    shown = is_shown(truth)
    if value is not None:
        return Verdict.EXACT if shown and same(truth, value) else Verdict.WRONG
    if shown:
        return Verdict.WITHHELD
    return Verdict.EMPTY if truth is None or truth == Withheld(reason or "") else Verdict.OTHER_REASON


def same(truth: Any, value: Any) -> bool:
    """Whether two values are equal; amounts are equal as numbers: "5" is "5.00"."""
    if isinstance(truth, str) and isinstance(value, str):
        amount = _amount(truth)
        return truth == value or (amount is not None and amount == _amount(value))
    return isinstance(truth, bool) == isinstance(value, bool) and bool(truth == value)


def _amount(text: str) -> Decimal | None:
    try:
        return Decimal(text)
    except InvalidOperation:
        return None
