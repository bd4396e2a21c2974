"""Families of metrics whose number of series is bounded, whatever names turn up in their labels."""

from __future__ import annotations

from typing import Generic, TypeVar

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.metrics import MetricWrapperBase

MOST_SERIES = 500
OTHER = "other"
_SHORT_S = (0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10, 30)

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


class Families:
    """Makes the families of one registry, each under our prefix."""

    def __init__(self, registry: CollectorRegistry) -> None:
        self._registry = registry

    def counter(self, name: str, text: str, *labels: str) -> Bounded[Counter]:
        """What only grows; `_total` is put behind its name."""
        return Bounded(Counter(f"foureyes_{name}", text, labels, registry=self._registry))

    def gauge(self, name: str, text: str, *labels: str) -> Gauge:
        """What stands at something now."""
        return Gauge(f"foureyes_{name}", text, labels, registry=self._registry)

    def histogram(self, name: str, text: str, *labels: str) -> Bounded[Histogram]:
        """Seconds, from one to 30,000 thousandths."""
        return Bounded(Histogram(f"foureyes_{name}", text, labels, registry=self._registry, buckets=_SHORT_S))
