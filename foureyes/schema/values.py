"""Typed values out of text: amounts, numbers and percentages; pure functions.

A number's separators are read by both conventions. What could mean two things is `Ambiguous`, what is no value is
None; nothing is guessed.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from decimal import Decimal
from typing import Literal

DecimalSign = Literal[".", ","]


@dataclass(frozen=True)
class Value:
    """A number as a plain decimal ("-1785.42"), with its currency as it was written, if any."""

    plain: str
    currency: str | None = None

    @property
    def number(self) -> Decimal:
        """The value as an exact number."""
        return Decimal(self.plain)


@dataclass(frozen=True)
class Ambiguous:
    """A separator could mean two things; `readings` has the plain decimals that it could be."""

    readings: tuple[str, ...]
    currency: str | None = None


Parsed = Value | Ambiguous | None

MONEY_SIGNS = "$€£¥₹₽₩₺₫₴₪฿₱¢"
CURRENCY_CODES = frozenset(
    {
        "USD",
        "EUR",
        "GBP",
        "JPY",
        "CHF",
        "CAD",
        "AUD",
        "NZD",
        "CNY",
        "INR",
        "BRL",
        "MXN",
        "SEK",
        "NOK",
        "DKK",
        "PLN",
    }
    | {"CZK", "HUF", "RUB", "TRY", "ZAR", "KRW", "SGD", "HKD", "ILS", "THB", "PHP"}
)
CURRENCY = rf"(?:[A-Z]{{0,3}}[{MONEY_SIGNS}]|{'|'.join(sorted(CURRENCY_CODES))}|Rs\.?|kr\.?|zł|Kč)"
"""A currency as it is written."""
MINUS_SIGNS = r"\-\u2212\u2013\u2010"
"""Hyphen, minus, dash, as the inside of a character class."""
_SPACES = " \u00a0\u2009\u202f"
_DIGITS = rf"[0-9][0-9.,'\u2019{_SPACES}]*[0-9]|[0-9]"
_FRACTION = r"[.,][0-9]+"
_POWERS = {"k": 3, "tsd": 3, "thousand": 3, "m": 6, "mn": 6, "mio": 6, "mln": 6, "million": 6}
_POWERS |= {"b": 9, "bn": 9, "mrd": 9, "billion": 9}
SCALE = r"(?:[kKMB]|bn|mn|mln\.?|Mio\.?|Mrd\.?|Tsd\.?|thousand|million|billion)"
"""What multiplies the number before it, as it is written."""
_AMOUNT = re.compile(
    rf"(?P<open>\()?(?P<minus>[{MINUS_SIGNS}+])?\s*(?P<before>{CURRENCY})?\s*(?P<inner>[{MINUS_SIGNS}])?\s*"
    rf"(?P<digits>{_DIGITS}|{_FRACTION})(?:(?P<gap>\s*)(?P<scale>{SCALE})(?![a-zA-Z]))?\s*"
    rf"(?P<percent>%)?\s*(?P<after>{CURRENCY})?"
    rf"(?P<trailing>[{MINUS_SIGNS}])?(?P<close>\))?"
)
_GROUP = 3


def money(text: str, *, decimals: int | None = None, decimal_sign: DecimalSign | None = None) -> Parsed:
    """Read an amount, its currency shown or not: "$1,785.42", "1.785,00 EUR", "(12.50)", "-€3".

    `decimals` is the number of decimals always shown, `decimal_sign` stands before them; either settles "17,850".
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or match["percent"] or (match["before"] and match["after"]):
        return None
    return _signed(match, match["before"] or match["after"], decimals, decimal_sign)


def number(text: str, *, decimals: int | None = None, decimal_sign: DecimalSign | None = None) -> Parsed:
    """Read a number without currency; a percent sign is not part of a number.

    A letter that sticks to it multiplies it ("1.2K"); one behind a space could as well be a unit ("300 K").
    """
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or match["percent"] or match["before"] or match["after"]:
        return None
    if match["gap"] and len(match["scale"]) == 1:
        return None
    return _signed(match, None, decimals, decimal_sign)


def percent(text: str, *, decimals: int | None = None, decimal_sign: DecimalSign | None = None) -> Parsed:
    """Read a number of percent, its sign shown or not."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None or match["before"] or match["after"] or match["scale"]:
        return None
    return _signed(match, None, decimals, decimal_sign)


def _signed(
    match: re.Match[str], currency: str | None, decimals: int | None, decimal_sign: DecimalSign | None
) -> Parsed:
    bracketed = bool(match["open"]), bool(match["close"])
    minuses = [match[name] for name in ("minus", "inner", "trailing") if match[name] and match[name] != "+"]
    if bracketed[0] != bracketed[1] or len(minuses) + bracketed[0] > 1:
        return None
    sign = "-" if minuses or bracketed[0] else ""
    power = _POWERS[match["scale"].rstrip(".").casefold()] if match["scale"] else 0
    plains = _readings(match["digits"], decimals, decimal_sign)
    readings = tuple(sign + (f"{Decimal(f'{plain}E{power}'):f}") for plain in plains)
    if len(readings) == 1:
        return Value(readings[0], currency)
    return Ambiguous(readings, currency) if readings else None


def _readings(digits: str, decimals: int | None, decimal_sign: DecimalSign | None) -> list[str]:
    """Every plain decimal that a run of digits and separators can be; with no doubt there is one."""
    signs: tuple[DecimalSign, ...] = (decimal_sign,) if decimal_sign else (".", ",")
    found: list[str] = []
    for sign in signs:
        plain = _by_convention(digits, sign)
        if plain is not None and plain not in found:
            found.append(plain)
    if decimals is not None:
        found = [plain for plain in found if len(plain.partition(".")[2]) == decimals]
    return found


def _by_convention(digits: str, sign: DecimalSign) -> str | None:
    whole, mark, fraction = digits.partition(sign)
    if mark and not fraction.isdecimal():
        return None
    groups = re.split(r"[^0-9]", whole)
    separators = set(re.sub(r"[0-9]", "", whole))
    if len(separators) > 1 or not _grouped(groups, separators):
        return None
    joined = "".join(groups) or "0"
    return f"{joined}.{fraction}" if mark else joined


def _grouped(groups: list[str], separators: set[str]) -> bool:
    """Whether thousands stand in groups of exactly three behind a first of one to three digits."""
    if not separators:
        return True
    first, *rest = groups
    return 1 <= len(first) <= _GROUP and first != "0" and all(len(group) == _GROUP for group in rest)


def is_amount(text: str) -> bool:
    """Whether a text looks like one number, with all that may belong to it; what it says may be in doubt."""
    return _AMOUNT.fullmatch(text.strip()) is not None


def sign_used(text: str) -> DecimalSign | None:
    """The decimal sign that a number shows without doubt: "1,785.42" and "3.5" say ".", "17,850" says nothing."""
    match = _AMOUNT.fullmatch(text.strip())
    if match is None:
        return None
    found = {sign: _by_convention(match["digits"], sign) for sign in (".", ",")}
    possible = [sign for sign, plain in found.items() if plain is not None]
    if len(possible) == 1 and (possible[0] in match["digits"] or _has_other(match["digits"], possible[0])):
        return "." if possible[0] == "." else ","
    return None


def _has_other(digits: str, sign: str) -> bool:
    return ("," if sign == "." else ".") in digits
