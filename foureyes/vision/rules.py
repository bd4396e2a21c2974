"""A task's domain rules: ranges, the order between fields and the largest plausible step; pure.

The schema says them (see foureyes/schema/annotations.py), and they hold for the answers of every server.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from decimal import Decimal
from itertools import pairwise
from typing import Any

from foureyes.schema.document import READ_TWICE, Field, Schema, fields
from foureyes.schema.numbers import number_of


@dataclass(frozen=True)
class Rules:
    """What holds for the values of a task's fields, beyond their types."""

    fields: Mapping[str, Field]
    order: tuple[str, ...]

    @classmethod
    def of(cls, schema: Schema) -> Rules:
        """The rules that a schema names."""
        return cls({field.name: field for field in fields(schema)}, tuple(schema.get("x-order", ())))

    def is_read_twice(self, name: str) -> bool:
        """Whether a value of this field needs a second read that is alike."""
        return self.fields[name].kind in READ_TWICE

    def broken(self, values: Mapping[str, Any]) -> frozenset[str]:
        """The fields whose values are out of their range, or of a pair that stands in the wrong order."""
        outside = {name for name, value in values.items() if not self.is_in_range(name, value)}
        return frozenset(outside | self.disordered({name: values[name] for name in values if name not in outside}))

    def is_in_range(self, name: str, value: Any) -> bool:
        """Whether a value lies between its field's minimum and maximum; what is no number does."""
        field, number = self.fields[name], number_of(value)
        if number is None or field.kind not in READ_TWICE - {"time"}:
            return True
        return (field.minimum is None or number >= Decimal(str(field.minimum))) and (
            field.maximum is None or number <= Decimal(str(field.maximum))
        )

    def disordered(self, values: Mapping[str, Any]) -> set[str]:
        """Both fields of each pair, neighbours among those that are known, of which the second is larger."""
        known = [(name, number) for name in self.order if (number := number_of(values.get(name))) is not None]
        return {
            name for first, second in pairwise(known) if first[1] < second[1] for name in (first[0], second[0])
        }

    def is_step(self, name: str, before: Any, after: Any) -> bool:
        """Whether a value may plausibly follow another one."""
        annotations = self.fields[name].annotations
        old, new = number_of(before), number_of(after)
        if old is None or new is None:
            return True
        most = [Decimal(str(annotations["x-max-step"]))] if "x-max-step" in annotations else []
        if "x-max-step-percent" in annotations:
            most.append(abs(old) * Decimal(str(annotations["x-max-step-percent"])) / 100)
        return all(abs(new - old) <= step for step in most)


def is_same(one: Any, other: Any) -> bool:
    """Whether two readings say the same: numbers by their value ("1.5", "1.50"), texts but for case and spaces."""
    numbers = number_of(one), number_of(other)
    if None not in numbers:
        return numbers[0] == numbers[1]
    if isinstance(one, str) and isinstance(other, str):
        return one.casefold().split() == other.casefold().split()
    if _are_lists(one, other):
        return len(one) == len(other) and all(map(is_same, one, other))
    return type(one) is type(other) and bool(one == other)


def _are_lists(*values: Any) -> bool:
    return all(isinstance(value, Sequence) and not isinstance(value, str) for value in values)


def only(values: Iterable[Any]) -> Any:
    """The one value that all are, None where they differ or there is none."""
    found = list(values)
    return found[0] if found and all(is_same(found[0], value) for value in found) else None
