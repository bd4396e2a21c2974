"""What stands on a screen of the labelled set: a label, a value as it is written, and what is true of it."""

from __future__ import annotations

import random
import re
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from decimal import Decimal
from typing import Any

from foureyes.evaluation.truth import Withheld

Prop = Mapping[str, Any]


@dataclass(frozen=True)
class Item:
    """A field of a screen; `truth` is the value that must be published, or the reason why none is."""

    label: str
    text: str
    prop: Prop
    truth: Any
    unsettled: bool = False
    """A separator could mean two things, unless another number of the page shows the decimal sign."""
    shows_sign: bool = False
    """The text shows its decimal sign without doubt."""

    @property
    def name(self) -> str:
        """The field's name in the schema."""
        return re.sub(r"\W+", "_", self.label.lower()).strip("_")


@dataclass(frozen=True)
class Convention:
    """How a page writes numbers: decimal sign, thousands, and its currency before or after the amount."""

    sign: str
    group: str
    before: str
    after: str

    def digits(self, number: Decimal) -> str:
        """A number without its sign, as the page writes it."""
        written = f"{abs(number):,f}"
        return written.translate({ord(","): self.group, ord("."): self.sign})


_ENGLISH = [
    (".", ",", "$", ""),
    (".", ",", "£", ""),
    (".", ",", "", " USD"),
    (".", "'", "CHF ", ""),
    (".", ",", "", ""),
]
_CONTINENTAL = [
    (",", ".", "", " €"),
    (",", " ", "", " €"),
    (",", ".", "€ ", ""),
    (",", " ", "", " kr"),
    (",", ".", "", ""),
]


def conventions(rng: random.Random) -> Callable[[], Convention]:
    """How the pages's numbers are written: by one convention, or on one page in eight by a new one each."""
    chosen = Convention(*rng.choice(_ENGLISH + _CONTINENTAL))
    if rng.random() < 0.125:
        return lambda: Convention(*rng.choice(_ENGLISH + _CONTINENTAL))
    return lambda: chosen


_LABELS = {
    "money": (
        "Balance|Grand|Major|Minor|Mini|Subtotal|Deposit|Last win|Bet|Credit limit|Gross pay|Cash out|Jackpot|"
        "Revenue|Tax|Shipping|Discount|Guthaben|Solde|Gewinn|Umsatz|Prix net|Importe|Versand|Amount due|Fee|"
        "Refund|Bonus|Payout|Turnover|Rent|Wages|Savings|Equity"
    ),
    "percent": "CPU|Memory|RTP|Progress|Humidity|Battery|Disk usage|Win rate|Auslastung|Margin|Change|Growth",
    "integer": (
        "Credits|Orders|Players|Spins|Visitors|Errors|Queue|Level|Score|Stock|Units sold|Punkte|Stimmen|Clients|"
        "Threads|Open tickets|Rounds|Messages"
    ),
    "number": "Temperature|Pressure|Speed|Latency|Flow|Voltage|Weight|Depth|Odds|Ratio",
    "time": (
        "Time|Next draw|Last update|Opened|Due date|Start|Departure|Arrival|Ends at|Uhrzeit|Datum|Expires|Backup"
    ),
    "enum": "Status|Mode|Door|Connection|Quality|Phase|Alarm|Autoplay",
}
_UNITS = {
    "Temperature": " °C",
    "Pressure": " bar",
    "Speed": " km/h",
    "Latency": " ms",
    "Flow": " l/min",
    "Voltage": " V",
    "Weight": " kg",
    "Depth": " m",
}
_MEMBERS = {
    "Status": ("Running", "Stopped", "Paused", "Failed"),
    "Mode": ("Manual", "Automatic", "Service"),
    "Door": ("Open", "Closed", "Locked"),
    "Connection": ("Online", "Offline", "Connecting"),
    "Quality": ("Low", "Medium", "High"),
    "Phase": ("Idle", "Heating", "Cooling", "Drying"),
}
_PREFIXED = (
    ("Grand", "Grand total"),
    ("Balance", "Balance due"),
    ("Bet", "Bet limit"),
    ("Bonus", "Bonus paid"),
    ("Tax", "Tax refund"),
)
_SHARES = {"money": 10, "percent": 3, "integer": 4, "number": 3, "time": 3, "enum": 2}


def items(rng: random.Random, count: int, *, prefixed: bool = False) -> list[Item]:
    """So many items with labels of their own; `prefixed` starts with two whose labels begin alike."""
    convention = conventions(rng)
    kinds = rng.choices(list(_SHARES), list(_SHARES.values()), k=2 * count)
    found = {label: _money(rng, label, convention()) for label in (rng.choice(_PREFIXED) if prefixed else ())}
    taken = {word for label in found for word in label.split()}
    for kind in kinds:
        label = rng.choice(_LABELS[kind].split("|"))
        if label not in found and not taken.intersection(label.split()):
            found[label] = _KINDS[kind](rng, label, convention())
    return list(found.values())[:count]


def absent(rng: random.Random, shown: Iterable[Item]) -> Item:
    """A field of the schema that the screen does not show."""
    taken = {word.lower() for item in shown for word in item.label.split()}
    label = rng.choice([label for label in ("Commission", "Insurance", "Overtime") if label.lower() not in taken])
    return Item(label, "", _prop("string", "money"), Withheld("absent"))


def settled(shown: Iterable[Item]) -> list[Item]:
    """The items with the truth of each ambiguous one, now that it is known what else the page shows."""
    page = list(shown)
    clear = {item.prop["x-page-sign"] for item in page if item.shows_sign}
    return [_clean(item if not item.unsettled else _settled(item, clear)) for item in page]


def _settled(item: Item, clear: set[str]) -> Item:
    told = len(clear) == 1 and item.prop["x-page-sign"] in clear
    return item if told else replace(item, truth=Withheld("ambiguous"))


def _clean(item: Item) -> Item:
    return replace(item, prop={key: value for key, value in item.prop.items() if key != "x-page-sign"})


def _prop(kind: str, form: str = "", **more: Any) -> dict[str, Any]:
    return {"type": [kind, "null"], **({"format": form} if form else {}), **more}


def _amount(rng: random.Random, top: float = 6.3, decimals: int = 2) -> Decimal:
    return round(Decimal(str(10 ** rng.uniform(-0.5, top))), decimals)


def _money(rng: random.Random, label: str, convention: Convention) -> Item:
    prop = _prop("string", "money", **{"x-page-sign": convention.sign})
    manner = rng.random()
    if manner < 0.12:
        return _short(rng, label, convention, prop)
    whole = manner < 0.22
    number = _amount(rng, 5.9, 0) + 1 if whole else _amount(rng)
    if rng.random() < 0.12:
        number = -number
    text = _signed(rng, number, convention)
    unsettled = whole and convention.digits(number).count(convention.group) == 1 and convention.group in ",."
    if unsettled and rng.random() < 0.5:
        return Item(label, text, {**prop, "x-decimals": 0}, str(number))
    return Item(label, text, prop, str(number), unsettled, shows_sign=not whole)


def _signed(rng: random.Random, number: Decimal, convention: Convention) -> str:
    digits = convention.digits(number)
    if number >= 0:
        return f"{convention.before}{digits}{convention.after}"
    if rng.random() < 0.4:
        return f"({convention.before}{digits}{convention.after})"
    if convention.before and rng.random() < 0.3:
        return f"{convention.before}-{digits}"
    return f"-{convention.before}{digits}{convention.after}"


def _short(rng: random.Random, label: str, convention: Convention, prop: Prop) -> Item:
    suffix, power = rng.choice((("K", 3), ("M", 6), ("B", 9)))
    number = _amount(rng, 2.6, rng.choice((1, 2)))
    text = f"{convention.before}{convention.digits(number)}{suffix}{convention.after}"
    return Item(label, text, prop, f"{(number * 10**power).normalize():f}", shows_sign=True)


def _percent(rng: random.Random, label: str, convention: Convention) -> Item:
    decimals = rng.choice((0, 1, 1, 2))
    number = round(Decimal(str(rng.uniform(0, 100))), decimals)
    number = -number if label in {"Change", "Growth", "Margin"} and rng.random() < 0.4 else number
    sign = "-" if number < 0 else rng.choice(("", "+")) if label in {"Change", "Growth"} else ""
    prop = _prop("number", "percent", **{"x-page-sign": convention.sign})
    gap = " " if convention.sign == "," else ""
    return Item(label, f"{sign}{convention.digits(number)}{gap}%", prop, float(number), shows_sign=decimals > 0)


def _integer(rng: random.Random, label: str, convention: Convention) -> Item:
    number = int(_amount(rng, 5.5, 0))
    written = convention.digits(Decimal(number)) if rng.random() < 0.7 else str(number)
    return Item(label, written, _prop("integer"), number)


def _number(rng: random.Random, label: str, convention: Convention) -> Item:
    decimals = rng.choice((0, 1, 2))
    number = _amount(rng, 2.9, decimals)
    number = -number if label == "Temperature" and rng.random() < 0.3 else number
    text = ("-" if number < 0 else "") + convention.digits(number) + _UNITS.get(label, "")
    prop = _prop("number", **{"x-page-sign": convention.sign})
    return Item(label, text, prop, float(number), shows_sign=decimals > 0)


def _time(rng: random.Random, label: str, _: Convention) -> Item:
    moment = datetime(2025, 1, 1) + timedelta(seconds=rng.randrange(3 * 365 * 86_400))  # noqa: DTZ001 - as shown
    form, shown, iso = rng.choice(
        (
            ("time", "%H:%M", "%H:%M:00"),
            ("time", "%H:%M:%S", "%H:%M:%S"),
            ("time", "%I:%M %p", "%H:%M:00"),
            ("date", "%Y-%m-%d", "%Y-%m-%d"),
            ("date", "%d.%m.%Y", "%Y-%m-%d"),
            ("date-time", "%Y-%m-%d %H:%M", "%Y-%m-%dT%H:%M:00"),
        )
    )
    return Item(label, moment.strftime(shown), _prop("string", form), moment.strftime(iso))


def _enum(rng: random.Random, label: str, _: Convention) -> Item:
    if label not in _MEMBERS:
        told = rng.random() < 0.5
        return Item(label, "On" if told else "Off", _prop("boolean"), told)
    member = rng.choice(_MEMBERS[label])
    shown = rng.choice((member, member.upper(), member.lower()))
    return Item(label, shown, _prop("string", enum=[*_MEMBERS[label], None]), member)


_KINDS = {
    "money": _money,
    "percent": _percent,
    "integer": _integer,
    "number": _number,
    "time": _time,
    "enum": _enum,
}
