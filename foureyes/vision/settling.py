"""Settling two reads that differ, by the field's rules and by what it showed before; pure.

Only what cannot be otherwise is settled: one read of the two breaks a rule, or both are one text but for
characters that a recogniser confuses, and one of them goes on from the last value. A digit that differs is
settled by nobody: it may be the one that has just changed.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from foureyes.schema.numbers import number_of
from foureyes.vision.rules import Rules, only

_CONFUSED = str.maketrans(
    {"O": "0", "o": "0", "I": "1", "l": "1", "|": "1", "Z": "2", "S": "5", "B": "8"} | {"$": "5"}
)
_SEPARATORS = str.maketrans(dict.fromkeys(".,'\u2019 \u00a0\u202f"))
_NEAR = 2
"""A separator that was misread makes a value ten times as large or more, and a dollar read as 5 too."""


def settled(alternatives: Sequence[Mapping[str, Any]], name: str, rules: Rules, last: Any) -> Any:
    """The value that two differing reads can only be; None where that is open.

    `alternatives` have each read's `text` and its `value` (None where it is none of the field's); `last` is the
    value that the field showed last, None where it never did.
    """
    values = [each.get("value") for each in alternatives]
    if len(values) < 2 or any(value is None for value in values) or last is None:
        return None
    plausible = [value for value in values if rules.is_in_range(name, value) and rules.is_step(name, last, value)]
    if len(plausible) < len(values):
        return only(plausible)
    if len({_skeleton(each.get("text")) for each in alternatives}) > 1:
        return None
    return only(value for value in plausible if _is_near(value, last))


def _skeleton(text: Any) -> str:
    return str(text).translate(_CONFUSED).translate(_SEPARATORS)


def _is_near(value: Any, last: Any) -> bool:
    new, old = number_of(value), number_of(last)
    return new is not None and old is not None and abs(old) <= _NEAR * abs(new) <= _NEAR * _NEAR * abs(old)
