"""The layouts that no reader is tuned on: whoever works on one leaves this file and its failures alone."""

from __future__ import annotations

from collections.abc import Sequence

from parts.labelled.grid import LINE, Area, grid, margins
from parts.labelled.items import Item
from parts.labelled.layouts import Layout
from parts.labelled.sheet import Sheet


def receipt(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """A narrow slip in the middle: names left, values set right, rules between."""
    width = max(_beside(sheet, item, 3) for item in wanted)
    area = margins(sheet)
    width = min(area.width, width)
    slip = Area((sheet.width - width) / 2, area.y, width, area.height)
    sheet.card(slip.x - sheet.px * 0.5, slip.y - 4, slip.width + sheet.px, slip.height + 8)

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        sheet.label(x, y + (sheet.px - sheet.label_px), item.label)
        sheet.value(x + width - sheet.wide(item.text, sheet.px), y, item.text)

    def wide(sheet: Sheet, item: Item) -> float:
        return _beside(sheet, item, 3)

    return grid(sheet, slip, wanted, wide, draw, high=1.55 * sheet.px, gap=0, columns=1)


def columns_of_a_table(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Tables of one row each: the header names the columns, the value stands below its name, set right."""

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        sheet.label(x + width - sheet.wide(item.label, sheet.label_px), y, item.label)
        sheet.rule(x, y + sheet.label_px * 1.25, width)
        below = y + sheet.label_px * 1.45
        sheet.value(x + width - sheet.wide(item.text, sheet.px), below, item.text)

    high = (sheet.label_px + sheet.px) * LINE * 1.7
    return grid(sheet, margins(sheet), wanted, _wider, draw, high=high, gap=1.2 * sheet.px)


def gauges(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Tiles with the value above, its name below in a band, both set left."""

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        pad = sheet.px * 0.3
        sheet.card(x, y, width, (sheet.px + sheet.label_px) * LINE + 2 * pad)
        sheet.value(x + pad, y + pad * 0.5, item.text)
        sheet.rule(x + pad, y + pad + sheet.px * 1.3, width - 2 * pad)
        sheet.label(x + pad, y + pad + sheet.px * 1.38, item.label)

    def wide(sheet: Sheet, item: Item) -> float:
        return _wider(sheet, item) + sheet.px * 0.6

    high = (sheet.label_px + sheet.px) * LINE + 1.6 * sheet.px
    return grid(sheet, margins(sheet), wanted, wide, draw, high=high, gap=sheet.px)


def right_labels(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """A form whose labels are set right against their values, with colons, in several columns."""
    label_width = max(sheet.wide(item.label + ":", sheet.label_px) for item in wanted)

    def draw(sheet: Sheet, item: Item, x: float, y: float, _: float) -> None:
        label = f"{item.label}:"
        sheet.label(x + label_width - sheet.wide(label, sheet.label_px), y + sheet.px - sheet.label_px, label)
        sheet.value(x + label_width + sheet.px * 0.6, y, item.text)

    def wide(sheet: Sheet, item: Item) -> float:
        return label_width + sheet.px * 0.6 + sheet.wide(item.text, sheet.px)

    return grid(sheet, margins(sheet), wanted, wide, draw, high=1.7 * sheet.px, gap=3 * sheet.px, columns=3)


def plain_lines(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """A list with the label and its value in one line, nothing but a space between, and a heading."""
    area = margins(sheet)
    sheet.value(area.x, area.y, "Overview")

    def draw(sheet: Sheet, item: Item, x: float, y: float, _: float) -> None:
        sheet.value(x, y, f"{item.label} {item.text}")

    def wide(sheet: Sheet, item: Item) -> float:
        return sheet.wide(f"{item.label} {item.text}", sheet.px)

    line = 1.6 * sheet.px
    body = Area(area.x, area.y + line, area.width, area.height - line)
    return grid(sheet, body, wanted, wide, draw, high=line, gap=2.2 * sheet.px, columns=3)


def ticker(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Rows of a ticker: every cell a name and a value in a frame, cells side by side over the whole width."""

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        sheet.card(x - sheet.px * 0.4, y - sheet.px * 0.25, width + sheet.px * 0.8, sheet.px * 1.75)
        sheet.label(x, y + (sheet.px - sheet.label_px), item.label.upper())
        sheet.value(x + width - sheet.wide(item.text, sheet.px), y, item.text)

    def wide(sheet: Sheet, item: Item) -> float:
        return sheet.wide(item.label.upper(), sheet.label_px) + sheet.px + sheet.wide(item.text, sheet.px)

    return grid(sheet, margins(sheet), wanted, wide, draw, high=2.3 * sheet.px, gap=2 * sheet.px)


def cards_with_notes(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Cards with a label, a value and a small note under it, in words."""
    notes = ("since yesterday", "today", "last week", "all tables", "per hour")

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        pad = sheet.px * 0.4
        sheet.card(x, y, width, sheet.px * 1.3 + 2.6 * sheet.label_px + 2 * pad)
        sheet.label(x + pad, y + pad, item.label)
        sheet.value(x + pad, y + pad + sheet.label_px * LINE, item.text)
        sheet.label(x + pad, y + pad + sheet.label_px * LINE + sheet.px * LINE, sheet.rng.choice(notes))

    def wide(sheet: Sheet, item: Item) -> float:
        return sheet.px * 0.8 + max(_wider(sheet, item), sheet.wide("since yesterday", sheet.label_px))

    high = sheet.px * 1.3 + 2.6 * sheet.label_px + 1.5 * sheet.px
    return grid(sheet, margins(sheet), wanted, wide, draw, high=high, gap=sheet.px * 0.8)


def side_panel(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """The fields in a column at the right edge, and a board of other numbers beside them."""
    area = margins(sheet)
    left = area.x + area.width * 0.4
    for row in range(4):
        for column in range(3):
            number = str(sheet.rng.randint(2, 48))
            sheet.label(area.x + column * area.width * 0.11, area.y + row * area.height * 0.24, number)

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        sheet.label(x, y + sheet.px - sheet.label_px, item.label)
        sheet.value(x + width - sheet.wide(item.text, sheet.px), y, item.text)
        sheet.rule(x, y + 1.5 * sheet.px, width)

    def wide(sheet: Sheet, item: Item) -> float:
        return _beside(sheet, item, 1.5)

    board = Area(left, area.y, area.x + area.width - left, area.height)
    return grid(sheet, board, wanted, wide, draw, high=1.9 * sheet.px, gap=0, columns=1)


def _wider(sheet: Sheet, item: Item) -> float:
    return max(sheet.wide(item.label, sheet.label_px), sheet.wide(item.text, sheet.px))


def _beside(sheet: Sheet, item: Item, gap: float) -> float:
    return sheet.wide(item.label, sheet.label_px) + gap * sheet.px + sheet.wide(item.text, sheet.px)


HELD_BACK: tuple[Layout, ...] = (
    receipt,
    columns_of_a_table,
    gauges,
    right_labels,
    plain_lines,
    ticker,
    cards_with_notes,
    side_panel,
)
