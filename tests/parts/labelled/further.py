"""More layouts that a reader may be tuned on: frames, rules and columns set right, in typefaces of their own."""

from __future__ import annotations

from collections.abc import Sequence

from parts.labelled.grid import LINE, grid, margins
from parts.labelled.items import Item
from parts.labelled.layouts import Layout
from parts.labelled.sheet import Sheet


def bars(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Label and value in one line of text, a bar between."""
    return _one_line(sheet, wanted, "|")


def chips(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """The label on a chip, its value close beside."""

    def draw(sheet: Sheet, item: Item, x: float, y: float, _: float) -> None:
        chip = sheet.wide(item.label, sheet.label_px) + 0.6 * sheet.px
        sheet.card(x, y - 0.1 * sheet.px, chip, 1.4 * sheet.px)
        sheet.label(x + 0.3 * sheet.px, y + 0.6 * (sheet.px - sheet.label_px), item.label)
        sheet.value(x + chip + 0.4 * sheet.px, y, item.text)

    return grid(sheet, margins(sheet), wanted, _beside, draw, high=1.9 * sheet.px, gap=1.5 * sheet.px)


def right_tiles(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Tiles with the label above its value, both set right, close to the tile's edge."""

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        edge, high = 0.3 * sheet.px, (sheet.px + sheet.label_px) * LINE
        sheet.card(x - edge, y - edge / 2, width + 2 * edge, high + edge)
        sheet.label(x + width - sheet.wide(item.label, sheet.label_px), y, item.label)
        sheet.value(x + width - sheet.wide(item.text, sheet.px), y + sheet.label_px * LINE, item.text)

    high = (sheet.px + sheet.label_px) * LINE + sheet.px
    return grid(sheet, margins(sheet), wanted, _wider, draw, high=high, gap=1.2 * sheet.px)


def ruled(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Two columns of rows with a rule below each, the values set right."""

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        sheet.label(x, y + sheet.px - sheet.label_px, item.label)
        sheet.value(x + width - sheet.wide(item.text, sheet.px), y, item.text)
        sheet.rule(x, y + 1.45 * sheet.px, width)

    return grid(sheet, margins(sheet), wanted, _beside, draw, high=1.75 * sheet.px, gap=2 * sheet.px, columns=2)


def boxes(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """A form whose values stand in boxes."""
    label_width = max(sheet.wide(item.label, sheet.label_px) for item in wanted) + 0.6 * sheet.px
    box_width = max(sheet.wide(item.text, sheet.px) for item in wanted) + sheet.px

    def draw(sheet: Sheet, item: Item, x: float, y: float, _: float) -> None:
        sheet.label(x, y + sheet.px - sheet.label_px, item.label)
        sheet.card(x + label_width, y - 0.25 * sheet.px, box_width, 1.6 * sheet.px)
        sheet.value(x + label_width + 0.4 * sheet.px, y, item.text)

    def wide(_: Sheet, __: Item) -> float:
        return label_width + box_width

    return grid(sheet, margins(sheet), wanted, wide, draw, high=2.1 * sheet.px, gap=2 * sheet.px, columns=3)


def cells(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Cells with an upright rule between, each value above its label."""

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        sheet.value(x + (width - sheet.wide(item.text, sheet.px)) / 2, y, item.text)
        below = y + 1.25 * sheet.px
        sheet.label(x + (width - sheet.wide(item.label, sheet.label_px)) / 2, below, item.label)
        rule = x + width + 0.6 * sheet.px
        sheet.pen.line((rule, y, rule, y + 2.3 * sheet.px), fill=sheet.theme.rule)

    high = 1.35 * (sheet.px + sheet.label_px) * LINE
    return grid(sheet, margins(sheet), wanted, _wider, draw, high=high, gap=1.2 * sheet.px)


def dashed(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Label and value in one line of text, a dash between that is no minus."""
    return _one_line(sheet, wanted, "\u2013")


def _one_line(sheet: Sheet, wanted: Sequence[Item], between: str) -> list[Item]:
    def text(item: Item) -> str:
        return f"{item.label} {between} {item.text}"

    def draw(sheet: Sheet, item: Item, x: float, y: float, _: float) -> None:
        sheet.value(x, y, text(item))

    def wide(sheet: Sheet, item: Item) -> float:
        return sheet.wide(text(item), sheet.px)

    return grid(sheet, margins(sheet), wanted, wide, draw, high=1.5 * sheet.px, gap=2 * sheet.px, columns=2)


def _beside(sheet: Sheet, item: Item) -> float:
    return sheet.wide(item.label, sheet.label_px) + sheet.wide(item.text, sheet.px) + 2 * sheet.px


def _wider(sheet: Sheet, item: Item) -> float:
    return max(sheet.wide(item.label, sheet.label_px), sheet.wide(item.text, sheet.px))


FURTHER: tuple[Layout, ...] = (bars, chips, right_tiles, ruled, boxes, cells, dashed)
