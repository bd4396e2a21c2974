"""Digits that are signs misread, told by their own text and by the page's other values: findings, no picture."""

from __future__ import annotations

import pytest
from test_layouts import MONEY, PERCENT, schema

from foureyes.engine.answer import Finding
from foureyes.engine.company import kept_company
from foureyes.engine.confusions import with_sign
from foureyes.engine.typed import typed
from foureyes.schema.document import fields


@pytest.mark.parametrize(
    ("kind", "shown", "signed"),
    [
        (PERCENT, "5.1096", "5.10%"),
        (PERCENT, "-5396", "-53%"),
        (PERCENT, "12.96", None),
        (PERCENT, "96", None),
        (PERCENT, "96.5", None),
        (MONEY, "12,698€", "12,69B€"),
        (MONEY, "1.398 kr", "1.39B kr"),
        (MONEY, "2.68", None),
    ],
)
def test_odd_digits_at_the_end_may_be_a_sign(kind: dict[str, object], shown: str, signed: str | None) -> None:
    """A percentage of too many digits that ends like a sign, and a third decimal like a B, are in doubt."""
    field = fields(schema(rate=kind))[0]
    other = with_sign(field.kind, shown)
    read = typed(field, other, "", "," if "€" in shown else ".") if other else None
    assert (other if read is not None else None) == signed


def found(kind: str, texts: list[str]) -> list[str]:
    """The texts that are no longer published among values that were."""
    form = {"money": MONEY, "percent": PERCENT}[kind]
    asked = fields(schema(**{f"value_{index}": form for index in range(len(texts))}))
    told = {
        field.name: Finding(text, None, {"text": text, **({"currency": "$"} if text[0] == "$" else {})}, 0.9)
        for field, text in zip(asked, texts, strict=True)
    }
    return [each.evidence["text"] for each in kept_company(asked, told).values() if each.reason == "conflict"]


@pytest.mark.parametrize(
    ("kind", "texts", "doubted"),
    [
        ("percent", ["41.5%", "12%", "2.19"], ["2.19"]),
        ("percent", ["41.5", "12", "2.19"], []),
        ("percent", ["41.5%", "12", "2.19"], []),
        ("money", ["$5.00", "$7.50", "3.14"], []),
        ("money", ["$5.00", "83.14"], ["83.14"]),
        ("money", ["$5.00", "50.39", "50.4K"], []),
        ("money", ["$5.00", "$7.10", "50.39", "50.4K"], ["50.39", "50.4K"]),
        ("money", ["£5.00", "-£7.10", "65.39", "CHF 65.39"], ["65.39"]),
        ("money", ["5.00€", "7,10 €", "4,716", "4,33"], ["4,716"]),
        ("money", ["kr 5.00", "7.10 kr", "50.36"], []),
    ],
)
def test_the_few_values_without_the_sign_of_their_kind_are_in_conflict(
    kind: str, texts: list[str], doubted: list[str]
) -> None:
    """Where others show their sign, a value without it that has a digit in its place may have lost it."""
    assert found(kind, texts) == doubted


def test_a_percent_sign_in_the_label_is_wanted_of_no_value() -> None:
    """Then the label says what its number is."""
    labelled = fields(schema(cpu={**PERCENT, "title": "CPU %"}, memory=PERCENT, disk=PERCENT))
    told = {
        field.name: Finding(1, None, {"text": text}, 0.9)
        for field, text in zip(labelled, ("1", "2%", "3%"), strict=True)
    }
    assert all(each.reason is None for each in kept_company(labelled, told).values())
