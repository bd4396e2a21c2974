"""Whether a value that was read meets a rule's condition. Pure; an unknown value meets and breaks nothing."""

from __future__ import annotations

from decimal import Decimal
from typing import Any

from foureyes.config.alerts import ReadingMeets
from foureyes.schema.numbers import number_of


def meets(rule: ReadingMeets, value: Any) -> bool | None:
    """None where that cannot be told: the value is not known, or is no number and a bound is asked for."""
    if rule.missing or value is None:
        return value is None if rule.missing else None
    if rule.equals is not None:
        return _equal(value, rule.equals)
    if rule.differs_from is not None:
        return not _equal(value, rule.differs_from)
    if rule.contains is not None:
        return rule.contains.casefold() in str(value).casefold()
    return _beyond(rule, number_of(value))


def _beyond(rule: ReadingMeets, number: Decimal | None) -> bool | None:
    if number is None:
        return None
    return number > Decimal(str(rule.above)) if rule.above is not None else number < Decimal(str(rule.below))


def _equal(value: Any, wanted: bool | float | str) -> bool:  # noqa: FBT001 - one value of several types
    """Money is a text of a plain decimal: 1785.4 and "1785.40" are one amount. True is not 1."""
    if isinstance(value, bool) or isinstance(wanted, bool):
        return value is wanted
    left, right = number_of(value), number_of(wanted)
    return left == right if left is not None and right is not None else str(value) == str(wanted)
