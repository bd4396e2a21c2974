"""Typed values: what is read, what is ambiguous, what is nothing."""

from __future__ import annotations

from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from foureyes.schema.values import Ambiguous, Value, money, number, percent, sign_used

MINUS = "\N{MINUS SIGN}"
THIN_SPACE = "\N{NARROW NO-BREAK SPACE}"


@pytest.mark.parametrize(
    ("text", "plain", "currency"),
    [
        ("$1,785.42", "1785.42", "$"),
        ("1,785.00", "1785.00", None),
        ("$1.785,00", "1785.00", "$"),
        ("1.785,00 EUR", "1785.00", "EUR"),
        ("EUR 1.785,00", "1785.00", "EUR"),
        ("US$ 9.99", "9.99", "US$"),
        ("-€3", "-3", "€"),
        ("€-3", "-3", "€"),
        (f"{MINUS}3.50", "-3.50", None),
        ("3.50-", "-3.50", None),
        ("(12.50)", "-12.50", None),
        ("($12.50)", "-12.50", "$"),
        ("+5", "5", None),
        ("1 234,56", "1234.56", None),
        (f"1{THIN_SPACE}234{THIN_SPACE}567,8 €", "1234567.8", "€"),
        ("CHF 1'200.00", "1200.00", "CHF"),
        ("1,234,567", "1234567", None),
        ("1.234.567", "1234567", None),
        ("0.125", "0.125", None),
        ("0,5", "0.5", None),
        (".50", "0.50", None),
        ("1785", "1785", None),
        ("1 785", "1785", None),
        ("10.3212", "10.3212", None),
        ("0", "0", None),
    ],
)
def test_r28_amounts_of_both_conventions(text: str, plain: str, currency: str | None) -> None:
    """R28: an amount is read to the cent, whichever signs part its thousands and decimals."""
    assert money(text) == Value(plain, currency)


@pytest.mark.parametrize(
    "text",
    [
        *("NaN", "inf", "Infinity", "-inf", "\N{INFINITY}", "1e5", "0x10", "", " ", "$", "-", ",", "..", "abc"),
        *(
            "--3",
            "-(3)",
            "(3",
            "3)",
            "$5 USD",
            "12%",
            "1.2.3",
            "1,78,500",
            "12.345.67",
            "1 23",
            "1 2345",
            "0,123,456",
        ),
        *(
            "1,234.5.6",
            "1.234,5,6",
            "12 345,67,8",
            "1'23",
            "5 l/min",
            "\N{ARABIC-INDIC DIGIT ONE}\N{ROMAN NUMERAL FIVE}",
        ),
    ],
)
def test_r28_what_is_no_amount_is_none(text: str) -> None:
    """R28: not-a-number, infinity and garbage are nothing, never zero."""
    assert money(text) is None


@pytest.mark.parametrize("text", ["17,850", "$17.850", "-1,785", "999.999"])
def test_a_separator_that_could_mean_two_things_is_ambiguous(text: str) -> None:
    """17,850 is seventeen thousand or seventeen and some: both are named, neither is chosen."""
    parsed = money(text)
    assert isinstance(parsed, Ambiguous)
    one, two = (Decimal(reading) for reading in parsed.readings)
    assert max(abs(one), abs(two)) == 1000 * min(abs(one), abs(two))


def test_a_sign_or_a_number_of_decimals_settles_it() -> None:
    """What the schema says of decimals leaves one reading."""
    assert number("17,850", decimals=0) == Value("17850")
    assert number("17,850", decimals=3) == Value("17.850")
    assert number("17,850", decimal_sign=".") == Value("17850")
    assert number("17,850", decimal_sign=",") == Value("17.850")
    assert number("17,850", decimals=2) is None
    assert number("1.785,00", decimal_sign=".") is None


@pytest.mark.parametrize(
    ("text", "plain", "currency"),
    [
        ("1.2K", "1200", None),
        ("$1.25M", "1250000", "$"),
        ("3,4 Mio. €", "3400000", "€"),
        ("(1.2k)", "-1200", None),
        ("12 k€", "12000", "€"),
        ("€ 3,4 Mrd.", "3400000000", "€"),
        ("-$1.5bn", "-1500000000", "$"),
        ("12 kr", "12", "kr"),
    ],
)
def test_a_suffix_multiplies(text: str, plain: str, currency: str | None) -> None:
    """1.2K is one thousand two hundred, exactly."""
    assert money(text) == Value(plain, currency)


def test_a_letter_behind_a_space_could_be_a_unit() -> None:
    """300 K is three hundred kelvin as well as three hundred thousand; 1.2K sticks together."""
    assert number("300 K") is None
    assert number("1.2K") == Value("1200")
    assert number("3.4 million") == Value("3400000")
    assert isinstance(number("1.234K"), Ambiguous)
    assert percent("1.2K") is None


def test_a_currency_makes_it_no_plain_number_and_a_percent_sign_no_money() -> None:
    """Each kind takes its own signs only."""
    assert number("$5.00") is None
    assert number("41.5") == Value("41.5")
    assert percent("41.5 %") == percent("41.5") == Value("41.5")
    assert percent("$5") is None


@pytest.mark.parametrize(
    ("text", "sign"),
    [("1,785.42", "."), ("3.5", "."), ("1.785,00", ","), ("3,5", ","), ("1,234,567", "."), ("17,850", None)],
)
def test_the_decimal_sign_that_a_number_shows(text: str, sign: str | None) -> None:
    """A number without doubt says which sign its page uses; one with doubt says nothing."""
    assert sign_used(text) == sign


def test_a_number_without_separators_says_nothing_of_signs() -> None:
    """Neither do whole numbers and words."""
    assert sign_used("1785") is None
    assert sign_used("abc") is None


amounts = st.decimals(min_value=-(10**9), max_value=10**9, places=2)


@given(amounts, st.sampled_from(["$", "€", "EUR ", ""]))
def test_an_amount_that_was_written_is_read_back(amount: Decimal, currency: str) -> None:
    """Amounts with cents come back exactly, in the English and in the continental way."""
    sign = "-" if amount < 0 else ""
    english = f"{abs(amount):,.2f}"
    continental = english.translate(str.maketrans(",.", ".,"))
    spaced = continental.replace(".", " ")
    for written in (english, continental, spaced):
        parsed = money(f"{sign}{currency}{written}")
        assert isinstance(parsed, Value)
        assert parsed.number == amount
        assert parsed.currency == (currency.strip() or None)


@given(st.text(max_size=12))
def test_any_text_is_read_or_not_but_never_breaks(text: str) -> None:
    """Whatever stands in a picture, parsing it is finite or nothing."""
    for parsed in (money(text), number(text), percent(text)):
        if isinstance(parsed, Value):
            assert parsed.number.is_finite()
