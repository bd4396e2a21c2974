"""The exact number of a value that was read. Pure."""

from __future__ import annotations

from decimal import Decimal, InvalidOperation
from typing import Any


def number_of(value: Any) -> Decimal | None:
    """The exact number of a value: a number, or an amount as a plain decimal; None of everything else."""
    if isinstance(value, bool) or not isinstance(value, int | float | str):
        return None
    try:
        number = Decimal(str(value))
    except InvalidOperation:
        return None
    return number if number.is_finite() else None
