"""The layouts that a reader may be tuned on. Each sets items on a sheet and returns those that found room."""

from __future__ import annotations

from collections.abc import Callable, Sequence

from parts.labelled.grid import LINE, Area, grid, margins
from parts.labelled.items import Item
from parts.labelled.sheet import Sheet

Layout = Callable[[Sheet, Sequence[Item]], list[Item]]


def above(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Cards with the label above its value."""
    pad = sheet.px * 0.4

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        sheet.card(x, y, width, (sheet.label_px + sheet.px) * LINE + pad)
        sheet.label(x + pad, y + pad * 0.4, item.label)
        sheet.value(x + pad, y + pad * 0.4 + sheet.label_px * LINE, item.text)

    return grid(sheet, margins(sheet), wanted, _widest(pad), draw, high=_two_lines(sheet, 1.2), gap=sheet.px)


def caption(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Values with their labels below them; in the middle of their tiles, or at their left edges."""
    is_middle, is_card = sheet.rng.random() < 0.5, sheet.rng.random() < 0.5
    spread = sheet.rng.uniform(1.25, 1.5)

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        if is_card:
            edge = 0.3 * sheet.px
            sheet.card(x - edge, y - edge / 2, width + 2 * edge, (sheet.px + sheet.label_px) * LINE + edge)
        across = width / 2 if is_middle else 0
        sheet.value(x + across - is_middle * sheet.wide(item.text, sheet.px) / 2, y, item.text)
        below = y + sheet.px * LINE
        sheet.label(x + across - is_middle * sheet.wide(item.label, sheet.label_px) / 2, below, item.label)

    return grid(
        sheet, margins(sheet), wanted, _widest(0), draw, high=_two_lines(sheet, spread), gap=1.5 * sheet.px
    )


def form(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Labels on the left and values beside them, in several columns."""
    label_width = max(sheet.wide(item.label, sheet.label_px) for item in wanted) + sheet.px

    def draw(sheet: Sheet, item: Item, x: float, y: float, _: float) -> None:
        sheet.label(x, y + (sheet.px - sheet.label_px), item.label)
        sheet.value(x + label_width, y, item.text)

    def wide(sheet: Sheet, item: Item) -> float:
        return label_width + sheet.wide(item.text, sheet.px)

    return grid(sheet, margins(sheet), wanted, wide, draw, high=1.8 * sheet.px, gap=2.5 * sheet.px, columns=3)


def colon(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Label, colon and value in one line of text."""
    return _in_line(sheet, margins(sheet), wanted, lambda item: f"{item.label}: {item.text}")


def leaders(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Label and value at the two ends of a line of dots."""
    dots = sheet.wide("." * 20, sheet.px) / 20

    def draw(sheet: Sheet, item: Item, x: float, y: float, width: float) -> None:
        free = width - sheet.wide(f"{item.label}  {item.text}", sheet.px)
        sheet.value(x, y, f"{item.label} {'.' * max(3, int(free // dots))} {item.text}")

    def wide(sheet: Sheet, item: Item) -> float:
        return sheet.wide(f"{item.label}  {item.text}", sheet.px) + 8 * dots

    return grid(sheet, margins(sheet), wanted, wide, draw, high=1.6 * sheet.px, gap=2.5 * sheet.px, columns=2)


def table(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """A table with a header: names on the left, values set right, and a column of words between."""
    area, words = margins(sheet), ("ok", "live", "new", "old")
    line = 1.6 * sheet.px
    sheet.label(area.x, area.y, "Item")
    _right(sheet, area, area.y, "Current", sheet.label_px)
    sheet.rule(area.x, area.y + line * 0.9, area.width)

    def draw(sheet: Sheet, item: Item, x: float, y: float, _: float) -> None:
        sheet.value(x, y, item.label)
        sheet.value(area.x + area.width * 0.52, y, sheet.rng.choice(words))
        _right(sheet, area, y, item.text, sheet.px)

    def wide(sheet: Sheet, item: Item) -> float:
        longest = max(sheet.wide(item.label, sheet.px), sheet.wide(item.text, sheet.px) + 4 * sheet.px)
        return max(2.2 * longest, 0.6 * area.width)

    body = Area(area.x, area.y + line, area.width, area.height - line)
    return grid(sheet, body, wanted, wide, draw, high=line, gap=0, columns=1)


def status_bar(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Bars at the top and the bottom with label and value in a row, and numbers without labels between."""
    high = 1.5 * sheet.px
    top = Area(sheet.px, sheet.px * 0.2, sheet.width - 2 * sheet.px, high)
    bottom = Area(sheet.px, sheet.height - high, sheet.width - 2 * sheet.px, high)
    placed = _in_line(sheet, top, wanted[::2], lambda item: f"{item.label} {item.text}")
    placed += _in_line(sheet, bottom, wanted[1::2], lambda item: f"{item.label} {item.text}")
    for row in range(3):
        text = " ".join(str(sheet.rng.randint(1, 99)) for _ in range(5))
        sheet.label(sheet.width * 0.35, sheet.height * (0.3 + 0.17 * row), text)
    return placed


def panels(sheet: Sheet, wanted: Sequence[Item]) -> list[Item]:
    """Two panels: the fields in one, and other labels with numbers of their own in the other."""
    area = margins(sheet)
    half = Area(area.x, area.y, area.width * 0.55 - sheet.px, area.height)
    placed = _in_line(sheet, half, wanted, lambda item: f"{item.label}  {item.text}", columns=1)
    x = area.x + area.width * 0.55
    sheet.card(x, area.y, area.width * 0.45, area.height)
    names = sheet.rng.sample(("North", "Table", "Camera", "Harbour", "Tariff", "Lounge", "Booth"), 5)
    for row, name in enumerate(names):
        y = area.y + sheet.px * (0.4 + 1.6 * row)
        if y + sheet.px * LINE < area.y + area.height:
            sheet.label(x + sheet.px * 0.5, y, f"{name} {sheet.rng.randint(1, 999)}")
    return placed


def _in_line(
    sheet: Sheet, area: Area, wanted: Sequence[Item], told: Callable[[Item], str], columns: int = 9
) -> list[Item]:
    def draw(sheet: Sheet, item: Item, x: float, y: float, _: float) -> None:
        sheet.value(x, y, told(item))

    def wide(sheet: Sheet, item: Item) -> float:
        return sheet.wide(told(item), sheet.px)

    high = min(1.5 * sheet.px, area.height)
    return grid(sheet, area, wanted, wide, draw, high=high, gap=2 * sheet.px, columns=columns)


def _right(sheet: Sheet, area: Area, y: float, text: str, px: float) -> None:
    colour = sheet.theme.value if px == sheet.px else sheet.theme.label
    sheet.write(area.x + area.width - sheet.wide(text, px), y, text, px, colour)


def _widest(pad: float) -> Callable[[Sheet, Item], float]:
    def wide(sheet: Sheet, item: Item) -> float:
        return 2 * pad + max(sheet.wide(item.label, sheet.label_px), sheet.wide(item.text, sheet.px))

    return wide


def _two_lines(sheet: Sheet, spread: float) -> float:
    return (sheet.label_px + sheet.px) * LINE * spread + sheet.px * 0.4


DEVELOPMENT: tuple[Layout, ...] = (above, caption, form, colon, leaders, table, status_bar, panels)
