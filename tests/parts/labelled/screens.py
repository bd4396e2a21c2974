"""The labelled set: screens drawn from a seed, with the truth of each of their fields beside them."""

from __future__ import annotations

import math
import random
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Literal

from foureyes.evaluation.truth import Withheld
from parts.labelled import faces, further, held_back, items, layouts
from parts.labelled.captures import SCALES, capture
from parts.labelled.faces import Face
from parts.labelled.items import Item
from parts.labelled.layouts import Layout
from parts.labelled.sheet import THEMES, Sheet

Group = Literal["16-120 px", "12-15 px", "200 px", "under 12 px"]
_GROUPS: Mapping[Group, tuple[int, int]] = {
    "16-120 px": (16, 120),
    "12-15 px": (12, 15),
    "200 px": (200, 200),
    "under 12 px": (7, 9),
}
_SIZES = ((1280, 720), (1280, 720), (1920, 1080), (1024, 768), (800, 600))
_SMALLEST_READ_PX = 12


@dataclass(frozen=True)
class Screen:
    """One encoded picture, with the fields that a task asks of it; sizes of type in pixels of the picture."""

    name: str
    group: Group
    layout: str
    face: str
    held_back: bool
    px: int
    data: bytes
    fields: tuple[Item, ...]

    @property
    def schema(self) -> dict[str, Any]:
        """The schema of the task that asks for these fields."""
        properties = {item.name: {**item.prop, "title": item.label} for item in self.fields}
        return {
            "type": "object",
            "properties": properties,
            "required": list(properties),
            "additionalProperties": False,
        }

    @property
    def truth(self) -> dict[str, Any]:
        """By field, what a truthful reader publishes, or Withheld with the reason."""
        small = self.px < _SMALLEST_READ_PX
        return {item.name: Withheld("too_small") if small and item.text else item.truth for item in self.fields}


@dataclass(frozen=True)
class _Half:
    """One half of the set: its own layouts in its own typefaces."""

    name: str
    layouts: tuple[Layout, ...]
    faces: tuple[Face, ...]


_DEVELOPMENT = _Half("dev", layouts.DEVELOPMENT, faces.DEVELOPMENT)
_FURTHER = _Half("further", further.FURTHER, faces.FURTHER)
_HELD_BACK = _Half("held", held_back.HELD_BACK, faces.HELD_BACK)


def labelled(
    seed: int, *, held_back: bool = False, group: Group = "16-120 px", count: int = 240
) -> Iterator[Screen]:
    """Draw so many screens of one half and one group of sizes; a seed always draws the same ones."""
    half = _HELD_BACK if held_back else _DEVELOPMENT
    return (_screen(seed, index, half, group) for index in range(count))


def more(seed: int, *, group: Group = "16-120 px", count: int = 240) -> Iterator[Screen]:
    """Draw so many screens of further layouts and typefaces, which belong to neither half and may be tuned on."""
    return (_screen(seed, index, _FURTHER, group) for index in range(count))


def _screen(seed: int, index: int, half: _Half, group: Group) -> Screen:
    for attempt in range(20):
        rng = random.Random(f"{seed}/{half.name}/{group}/{index}/{attempt}")  # noqa: S311 - drawn, not secret
        if found := _drawn(rng, index, half, group):
            return found
    raise AssertionError(f"no screen of {group} had room for a value")


def _drawn(rng: random.Random, index: int, half: _Half, group: Group) -> Screen | None:
    layout, face = half.layouts[index % len(half.layouts)], rng.choice(half.faces)
    scale, px = rng.choice(SCALES), _px(rng, group)
    smallest = min(px, _GROUPS[group][0])
    label_px = max(smallest, px * rng.choice((1.0, 0.85, 0.7)))
    sheet = Sheet(rng, _size(rng, group), face, rng.choice(THEMES), px / scale, label_px / scale)
    wanted = items.items(rng, 16, prefixed=rng.random() < 0.2)
    shown = items.settled(layout(sheet, wanted))
    if not shown:
        return None
    suffix, data = capture(rng, sheet.image, scale)
    name = f"{half.name}-{group.replace(' ', '')}-{index:04}-{layout.__name__}{suffix}"
    fields = (*shown, items.absent(rng, wanted))
    return Screen(name, group, layout.__name__, face.name, half is _HELD_BACK, px, data, fields)


def _px(rng: random.Random, group: Group) -> int:
    """A size of the group, small ones more often: they leave room for more values."""
    low, high = _GROUPS[group]
    return round(low * math.pow(high / low, rng.random() ** 1.8))


def _size(rng: random.Random, group: Group) -> tuple[int, int]:
    return (1920, 1080) if group == "200 px" else rng.choice(_SIZES)
