"""How a fake was told to behave, at which place, and how often."""

from __future__ import annotations

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from typing import Any


@dataclass(frozen=True)
class Behaviour:
    """What happens to a request: a failure's name, a delay before the answer, and the values of a good answer."""

    fail: str | None = None
    delay_s: float = 0.0
    times: int | None = None
    """For so many requests; None is until told otherwise."""
    retry_after_s: float | None = 1
    values: Mapping[str, Any] = field(default_factory=dict)
    turns: Sequence[Mapping[str, Any]] = ()
    """Values that take turns, one request after the other, in place of `values`."""

    @property
    def due(self) -> bool:
        return bool(self.fail or self.delay_s) and self.times != 0


class Behaviours:
    """Behaviour by place: `chat MODEL`, `load MODEL`, `path /x`, each with `*` for all of them."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._by_place: dict[str, Behaviour] = {}

    def set(self, place: str, **wanted: Any) -> None:
        """Replace what holds at a place; only its values stay where none are given."""
        with self._lock:
            before = self._by_place.get(place, Behaviour())
            self._by_place[place] = Behaviour(**{"values": before.values, **wanted})

    def next(self, *places: str) -> Behaviour:
        """What happens now: the first place that has something due; its count goes down."""
        with self._lock:
            known = [place for place in places if place in self._by_place]
            values = next((found for place in known if (found := self._by_place[place].values)), {})
            values = next((self._turn(place) for place in known if self._by_place[place].turns), values)
            due = next((place for place in known if self._by_place[place].due), None)
            return replace(self._take(due) if due else Behaviour(), values=values)

    def _turn(self, place: str) -> Mapping[str, Any]:
        known = self._by_place[place]
        first, *others = known.turns
        self._by_place[place] = replace(known, turns=(*others, first))
        return first

    def _take(self, place: str) -> Behaviour:
        taken = self._by_place[place]
        if taken.times is not None:
            self._by_place[place] = replace(taken, times=taken.times - 1)
        return taken
