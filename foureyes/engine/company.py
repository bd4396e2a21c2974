"""The values of one kind on a page speak for each other's signs: the few without were misread.

A small "%" or "$" is read as digits, twice alike: "5.10%" as "5.1096", "$0.39" as "50.39".
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace

from foureyes.engine.answer import Finding
from foureyes.schema.document import Field

_LEAST_OTHERS = {"money": 2, "percent": 1}
"""How many must show their sign for each that does not; a page may well name its currency at one amount alone."""
_LOOKS_LIKE_DOLLAR = ("5", "8")


def kept_company(asked: Sequence[Field], findings: Mapping[str, Finding]) -> dict[str, Finding]:
    """The findings of a picture; a value that lacks the sign which most of its kind show is a conflict."""
    kinds = {kind: _of_kind(kind, asked, findings) for kind in _LEAST_OTHERS}
    odd = {name for kind, found in kinds.items() for name in _odd_ones(kind, found)}
    return {name: _in_conflict(found) if name in odd else found for name, found in findings.items()}


def _of_kind(kind: str, asked: Iterable[Field], findings: Mapping[str, Finding]) -> dict[str, Finding]:
    """What was read of a kind; a percent sign in the label stands for the one behind the value."""
    names = [
        field.name for field in asked if field.kind == kind and not any("%" in label for label in field.labels)
    ]
    return {name: findings[name] for name in names if name in findings and findings[name].evidence.get("text")}


def _odd_ones(kind: str, found: Mapping[str, Finding]) -> list[str]:
    """The few without a sign among the many with one."""
    bare = [name for name, each in found.items() if not _sign(kind, each)]
    signs = [_sign(kind, each) for name, each in found.items() if name not in bare]
    are_slipped = "$" in signs and all(
        found[name].evidence["text"].startswith(_LOOKS_LIKE_DOLLAR) for name in bare
    )
    least = 1 if are_slipped else _LEAST_OTHERS[kind]
    return bare if len(signs) >= least * len(bare) else []


def _sign(kind: str, found: Finding) -> str:
    if kind == "money":
        return str(found.evidence.get("currency", ""))
    return "%" if "%" in found.evidence["text"] else ""


def _in_conflict(found: Finding) -> Finding:
    if found.reason is not None:
        return found
    told = {"text": found.evidence["text"], "value": found.value, "score": found.evidence.get("score")}
    return replace(
        found, value=None, reason="conflict", confidence=None, evidence={**found.evidence, "alternatives": [told]}
    )
