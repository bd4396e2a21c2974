"""Families of metrics whose number of series is bounded, whatever names turn up in their labels."""

from __future__ import annotations

from typing import Generic, TypeVar

from prometheus_client.metrics import MetricWrapperBase

MOST_SERIES = 500
OTHER = "other"

Family = TypeVar("Family", bound=MetricWrapperBase)


class Bounded(Generic[Family]):
    """One family with labels; what is new beyond the bound counts as `other`."""

    def __init__(self, family: Family) -> None:
        self._family = family
        self._known: set[tuple[str, ...]] = set()

    def labels(self, *values: str) -> Family:
        """The series of these label values."""
        if values not in self._known:
            if len(self._known) >= MOST_SERIES:
                return self._family.labels(*(OTHER for _ in values))
            self._known.add(values)
        return self._family.labels(*values)
