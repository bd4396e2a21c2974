"""Which models a level of pressure does without: pure, from the tasks' plans and what the servers can do now."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from collections.abc import Set as AbstractSet
from dataclasses import dataclass
from itertools import chain

from foureyes.telemetry.pressure import Level
from foureyes.vision.plan import Candidate

Served = tuple[str, str]
"""A model as its server has it: the server's id and the model's id there."""


@dataclass(frozen=True)
class Stock:
    """What the servers have."""

    usable: AbstractSet[Served]
    """What answers now, or would if it were not parked."""
    sizes: Mapping[Served, int]


def parked(
    level: Level, tasks: Iterable[Sequence[Candidate]], stock: Stock, seconds: Iterable[Candidate] = ()
) -> frozenset[Served]:
    """The models to do without: none of an engine, which cost next to nothing, and no task's last that can answer.

    Second readers go as soon as any model goes: a task is read without them.

    Of models whose sizes are not all known a later candidate counts as smaller: it is the lesser choice.
    """
    tasks = list(tasks)
    kept = {_served(candidate) for candidates in tasks for candidate in _kept(level, candidates, stock)}
    beside = [second for second in seconds if level >= Level.SMALLER_MODEL and not second.is_engine]
    return frozenset(_served(candidate) for candidate in chain(*tasks, beside)) - kept


def _kept(level: Level, candidates: Sequence[Candidate], stock: Stock) -> list[Candidate]:
    if level < Level.SMALLER_MODEL:
        return list(candidates)
    engines = [candidate for candidate in candidates if candidate.is_engine]
    others = [candidate for candidate in candidates if not candidate.is_engine]
    kept = engines if level is Level.ENGINE else engines + _smallest(others, stock)
    if any(_served(candidate) in stock.usable for candidate in kept):
        return kept
    usable = [candidate for candidate in others if _served(candidate) in stock.usable]
    return kept + (_smallest(usable, stock) or _smallest(others, stock))


def _smallest(candidates: Sequence[Candidate], stock: Stock) -> list[Candidate]:
    """The smallest one, as a list; nothing where there is none."""
    sizes = [stock.sizes.get(_served(candidate)) for candidate in candidates]
    known = [size for size in sizes if size is not None]
    if not candidates or len(known) < len(sizes):
        return list(candidates[-1:])
    return [min(reversed(candidates), key=lambda candidate: stock.sizes[_served(candidate)])]


def _served(candidate: Candidate) -> Served:
    return candidate.server, candidate.model_id
