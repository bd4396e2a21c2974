"""Blocks of one item each, set in columns; what does not fit is left out."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from parts.labelled.items import Item
from parts.labelled.sheet import Sheet

Measure = Callable[[Sheet, Item], float]
Draw = Callable[[Sheet, Item, float, float, float], None]
"""Draws an item at x and y into a block of a width."""

LINE = 1.3
"""Height of a line over the size of its type."""


@dataclass(frozen=True)
class Area:
    """A part of a sheet in pixels."""

    x: float
    y: float
    width: float
    height: float


def margins(sheet: Sheet) -> Area:
    """The sheet without its edges."""
    edge = max(12.0, sheet.px * 0.6)
    return Area(edge, edge, sheet.width - 2 * edge, sheet.height - 2 * edge)


def grid(
    sheet: Sheet,
    area: Area,
    wanted: Sequence[Item],
    wide: Measure,
    draw: Draw,
    *,
    high: float,
    gap: float,
    columns: int = 9,
) -> list[Item]:
    """Set items row by row into equal columns of an area; return those that are there. Sizes in pixels."""
    fitting = [item for item in wanted if wide(sheet, item) <= area.width]
    if not fitting or high > area.height:
        return []
    width = max(wide(sheet, item) for item in fitting)
    across = max(1, min(columns, int((area.width + gap) // (width + gap))))
    down = int(area.height // high)
    step = (area.width + gap) / across
    placed = fitting[: across * down]
    for index, item in enumerate(placed):
        draw(sheet, item, area.x + index % across * step, area.y + index // across * high, step - gap)
    return placed
