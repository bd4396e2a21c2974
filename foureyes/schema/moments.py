"""Times and dates, yes and no, out of text; pure functions. What could mean two things is None."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from contextlib import suppress
from datetime import date, datetime, time

_YES = frozenset({"yes", "on", "true", "enabled", "active", "ja", "oui", "sí", "si", "sim", "ein", "an"})
_NO = frozenset({"no", "off", "false", "disabled", "inactive", "nein", "non", "não", "nao", "aus"})


def boolean(text: str) -> bool | None:
    """Read yes or no, as on and off and in the languages the recogniser knows."""
    word = text.strip().strip(".!").casefold()
    return True if word in _YES else False if word in _NO else None


_LONGEST = 40
_CLOCK = re.compile(r"(\d{1,2})[:.h](\d{2})(?::(\d{2}))?(?:\s*([AaPp])\.?[Mm]\.?|\s*Uhr)?")
_YEAR_FIRST = re.compile(r"(\d{4})([-/.])(\d{1,2})\2(\d{1,2})")
_DAY_FIRST = re.compile(r"(\d{1,2})\.\s?(\d{1,2})\.\s?(\d{4})")
_EITHER_FIRST = re.compile(r"(\d{1,2})([-/])(\d{1,2})\2(\d{4})")
_WEEKDAY = r"(?:[^\W\d_]{2,}[.,]{0,2}\s*)?"
_ORDINAL = r"(?:\.|st|nd|rd|th|º)?,?\s*"
_NAME = r"(?P<name>[^\W\d_]{3,})\.?,?\s*"
_NAMED = [
    re.compile(rf"{_WEEKDAY}(?P<day>\d{{1,2}}){_ORDINAL}(?:de\s)?{_NAME}(?:de\s)?(?P<year>\d{{4}})"),
    re.compile(rf"{_WEEKDAY}{_NAME}(?P<day>\d{{1,2}}){_ORDINAL}(?P<year>\d{{4}})"),
]
_MONTHS = [
    names.split()
    for names in (
        "january januar janvier enero janeiro",
        "february februar fevrier febrero fevereiro",
        "march marz maerz mars marzo marco",
        "april avril abril",
        "may mai mayo maio",
        "june juni juin junio junho",
        "july juli juillet julio julho",
        "august aout agosto",
        "september septembre septiembre setembro",
        "october oktober octobre octubre outubro",
        "november novembre noviembre novembro",
        "december dezember decembre diciembre dezembro",
    )
]


def moment(text: str) -> str | None:
    """Read a time of day, a date or both, as ISO 8601; None where day and month could be either (03/04/2026)."""
    plain = text.strip()
    told = set(_moments(plain)) if len(plain) <= _LONGEST else set()
    return told.pop() if len(told) == 1 else None


def _moments(text: str) -> Iterable[str]:
    """Every moment that a text can be; the space between date and time may be missing."""
    yield from (clock.isoformat() for clock in _clocks(text))
    yield from (day.isoformat() for day in _days(text))
    for cut in range(1, len(text)):
        one, other = text[:cut].rstrip(" ,"), text[cut:].lstrip(" ,T")
        both = [*_pairs(_days(one), _clocks(other)), *_pairs(_days(other), _clocks(one))]
        yield from (datetime.combine(day, clock).isoformat() for day, clock in both)


def _pairs(days: Iterable[date], clocks: Iterable[time]) -> list[tuple[date, time]]:
    at = list(clocks)
    return [(day, clock) for day in days for clock in at]


def _days(text: str) -> Iterable[date]:
    """Every date that a text can be."""
    if match := _YEAR_FIRST.fullmatch(text):
        yield from _valid(match[1], match[3], match[4])
    if match := _DAY_FIRST.fullmatch(text):
        yield from _valid(match[3], match[2], match[1])
    if match := _EITHER_FIRST.fullmatch(text):
        yield from _valid(match[4], match[1], match[3])
        yield from _valid(match[4], match[3], match[1])
    for match in (named for form in _NAMED if (named := form.fullmatch(text))):
        for month in _months(match["name"]):
            yield from _valid(match["year"], month, match["day"])


def _months(name: str) -> list[int]:
    """The months whose name, in English, German, French, Spanish or Portuguese, begins so."""
    accented = unicodedata.normalize("NFKD", name.casefold())
    plain = "".join(char for char in accented if not unicodedata.combining(char))
    return [number for number, names in enumerate(_MONTHS, 1) if any(each.startswith(plain) for each in names)]


def _valid(year: str, month: str | int, day: str) -> Iterable[date]:
    with suppress(ValueError):
        yield date(int(year), int(month), int(day))


def _clocks(text: str) -> Iterable[time]:
    match = _CLOCK.fullmatch(text)
    if match is None:
        return
    hour, minute, second = int(match[1]), int(match[2]), int(match[3] or 0)
    if match[4]:
        hour = hour % 12 + (12 if match[4] in "Pp" else 0) if 1 <= hour <= 12 else 24
    with suppress(ValueError):
        yield time(hour, minute, second)
