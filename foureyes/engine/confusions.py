"""Characters that the recogniser confuses (O and 0, S, $ and 5, I, l and 1, B and 8, Z and 2), settled by type.

A text that can be read as it stands is left alone; only one that cannot is looked at with its look-alikes changed.
The exceptions are digits at the end that small type makes of "%" and "B", where they would be odd digits.
"""

from __future__ import annotations

import re

from foureyes.schema.values import CURRENCY, MINUS_SIGNS, is_amount

_DIGITS = str.maketrans({"O": "0", "o": "0", "I": "1", "l": "1", "|": "1", "Z": "2", "S": "5", "B": "8"})
_LETTERS = str.maketrans({"0": "o", "1": "l", "2": "z", "5": "s", "8": "b"})
_LOOKALIKES = "OoIl|ZSB"
_LEAST_DIGITS = 2
_NAME_OR_UNIT = re.compile(rf"[A-Za-z|][0-9{_LOOKALIKES}]*|.*[lISBZ|]")
"""A letter before digits alone is a name ("S10", "B52"), one behind them could be a unit ("10S")."""
_SLIPPED_PERCENT = re.compile(r"(?<=\d)9[05689]$")
_SLIPPED_BILLION = re.compile(rf"(?<=[.,][0-9]{{2}})8(?=\s*(?:{CURRENCY})?\)?$)")
"""An amount has two decimals: the third is a "B" behind them."""
_SLIPPED_DOLLAR = re.compile(rf"^([({MINUS_SIGNS}+]*)S(?=[0-9{_LOOKALIKES}])")
_SLIPPED_POUND = re.compile(
    rf"^([({MINUS_SIGNS}+]*)f(?=[0-9]{{1,3}}(?:[.,'][0-9]{{3}})*[.,'][0-9]{{2,3}}(?![0-9]))"
)
"""With two decimals or a whole group behind it, as amounts have: "f1" is a name, "f2.8" an aperture."""


def as_letters(text: str) -> str:
    """The text with all look-alikes as letters ("0ff")."""
    return text.translate(_LETTERS)


def as_digits(text: str) -> str:
    """The text with all look-alikes as digits."""
    return text.translate(_DIGITS)


def as_money(text: str) -> str:
    """The text with an S or f that stands where a currency does as "$" or "£", and the others as digits."""
    return as_digits(_SLIPPED_POUND.sub(r"\1£", _SLIPPED_DOLLAR.sub(r"\1$", text)))


def with_sign(kind: str, text: str) -> str | None:
    """What a text of digits may really be, its last ones a sign: "5.1096" is "5.10%", "12.698" is "12.69B"."""
    if kind == "percent" and _SLIPPED_PERCENT.search(text):
        return _SLIPPED_PERCENT.sub("%", text)
    if kind == "money" and _SLIPPED_BILLION.search(text):
        return _SLIPPED_BILLION.sub("B", text)
    return None


def is_slipped_number(text: str) -> bool:
    """Whether a word is a number with a slip or two: most of it is digits anyway ("1,O85.42")."""
    if _SLIPPED_POUND.match(text):
        return is_amount(_SLIPPED_POUND.sub(r"\1£", text))
    digits = sum(char in "0123456789" for char in text)
    slips = sum(char in _LOOKALIKES for char in text)
    if digits < _LEAST_DIGITS or slips == 0 or slips > digits or _NAME_OR_UNIT.fullmatch(text):
        return False
    return is_amount(as_digits(text)) or is_amount(as_money(text))
