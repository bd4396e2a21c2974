"""What was learned of a state from its taught pictures, and which of several states a picture shows.

A cell of the picture that differs between a state's own pictures says little of the state; one in which two states
differ and each is constant tells them apart. Nothing is trained: means, spreads and distances of cells.
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np

from foureyes.engine.descriptor import COLUMNS, ROWS, UNMOVED, Descriptor, Grid, distances, occupancy

_STEADY = 0.15
"""Distance between pictures of one state at which a cell counts half."""
_NEIGHBOURS = np.ones((3, 3), np.uint8)
_LEAST, _MOST = (0.12, 0.09, 0.055), 0.1
"""How far a picture may be from a state of one, two or more pictures: always; and at most, where they tell."""
_ROOM, _SPREAD = 0.02, 1.5
_SPREAD_FLOOR = 0.05
_CLEAR = 0.2
"""How far towards a state, from midway (0) to its middle (0.5), a picture must lie against each other state."""


class Lesson:
    """One state, from the descriptors of 1 to 5 pictures."""

    def __init__(self, pictures: Sequence[Descriptor]) -> None:
        self._pictures = tuple(pictures)
        self._weights = np.asarray(1 / (1 + (_differences(pictures) / _STEADY) ** 2), np.float32)
        occupied = [occupancy(each) for each in pictures]
        self._least = np.min([each.min(axis=0) for each in occupied], axis=0)
        self._most = np.max([each.max(axis=0) for each in occupied], axis=0)
        cells = np.concatenate(pictures)
        self.mean = cells.mean(axis=0)
        self.spread = _widened(cells.var(axis=0))

    @cached_property
    def bound(self) -> float:
        """How far a picture may be to show this state: a little more than its own pictures are from each other."""
        least = _LEAST[min(len(self._pictures), len(_LEAST)) - 1]
        if len(self._pictures) == 1:
            return least
        apart = max(
            Lesson([other for other in self._pictures if other is not each]).distance(each, self._weights)
            for each in self._pictures
        )
        return max(min(_ROOM + _SPREAD * apart, _MOST), least)

    def distance(self, seen: Descriptor, weights: Grid | None = None) -> float:
        """How far a picture is from this state: cells that look different, and cells filled or empty against all.

        `weights` are those of the cells, where other pictures tell them.
        """
        weights = self._weights if weights is None else weights
        nearest = np.min([distances(seen, each) for each in self._pictures], axis=0)
        occupied = occupancy(seen)
        missing = np.maximum(self._least - occupied.max(axis=0), occupied.min(axis=0) - self._most)
        return float((weights * nearest).sum() / weights.sum() + np.maximum(missing, 0).mean())


@dataclass(frozen=True)
class Verdict:
    """What a picture shows, by the states that were taught."""

    near: tuple[str, ...]
    """The states whose pictures are like this one, the nearest first."""
    clear: bool
    """Whether the nearest one alone can be meant."""
    likeness: dict[str, float]
    """By state, nearest first: 1 is the same picture, 0.5 as far as a picture of it may be, 0 twice that."""


def verdict(seen: Descriptor, lessons: Mapping[str, Lesson]) -> Verdict:
    """Judge a picture by all states that were taught; there is at least one."""
    apart = {name: lesson.distance(seen) / lesson.bound for name, lesson in lessons.items()}
    ranked = sorted(apart, key=lambda name: apart[name])
    near = tuple(name for name in ranked if apart[name] <= 1)
    best = lessons[ranked[0]]
    clear = all(_leaning(seen, best, lessons[other]) >= _CLEAR for other in ranked[1:])
    return Verdict(near, clear, {name: round(max(0.0, 1 - apart[name] / 2), 3) for name in ranked})


def _leaning(seen: Descriptor, state: Lesson, other: Lesson) -> float:
    """Where a picture lies between two states, by the cells that tell them apart: 0.5 is the first's middle."""
    apart = state.mean - other.mean
    spread = (state.spread + other.spread) / 2
    weights = apart / (spread + spread.mean(axis=(1, 2), keepdims=True) / 2 + _SPREAD_FLOOR**2)
    whole = float((weights * apart).sum())
    return float((weights * (seen[UNMOVED] - (state.mean + other.mean) / 2)).sum()) / whole if whole > 0 else 0.0


def _differences(pictures: Sequence[Descriptor]) -> Grid:
    """How far the pictures of one state lie apart in each cell and around it."""
    most = np.zeros((ROWS, COLUMNS), np.float32)
    for one, other in itertools.combinations(pictures, 2):
        most = np.maximum(most, np.minimum(distances(one, other), distances(other, one)))
    return np.asarray(cv2.dilate(most, _NEIGHBOURS), np.float32)


def _widened(spread: Descriptor) -> Descriptor:
    return np.stack([np.asarray(cv2.dilate(each, _NEIGHBOURS), np.float32) for each in spread])
