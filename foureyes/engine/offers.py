"""What each label of a page could have as its value, and the pairs in which each is the other's nearest."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product

from foureyes.engine.pieces import Piece
from foureyes.engine.stance import Side, aligned, blocked, in_row, reach, stance
from foureyes.picture import Box

SIDE_COST: dict[Side, float] = {"behind": 0.0, "right": 0.3, "below": 0.4, "above": 0.9, "before": 0.8}
"""What a direction costs beside its distance in heights: of two as near, right goes before below."""
IN_ROW: frozenset[Side] = frozenset({"behind", "right"})
_HABIT = 0.8
"""How much cheaper the side is on which most of the page's known labels have their value."""
_AGAINST_HABIT = 2.0
"""How much dearer a value before its label is where the page's others stand behind theirs: it ends another row."""
_FARTHEST_RIGHT = 30.0
_FARTHEST_LED = 100.0
"""The same for a label that ends in a colon, or of a table: its value may stand at the other end of the row."""
_NO_RIVAL = 10.0
"""The lead of a pair that nothing competes with."""


@dataclass(frozen=True)
class Label:
    """A run of words that may name a value; `field` is empty where the schema does not know it."""

    text: str
    box: Box
    row: int
    first: int
    last: int
    leads: bool = False
    """Whether a colon or leader follows it: then it has a value, in its row if anything is there."""
    field: str = ""
    similarity: float = 0.0


@dataclass(frozen=True)
class Offer:
    """A value that a label could have, with the side on which it stands and what that costs."""

    label: Label
    value: Piece
    side: Side
    cost: float


@dataclass(frozen=True)
class Match:
    """A label and its value: how they stand to each other, what that costs and how far off the next best is."""

    label: Label
    value: Piece
    side: Side
    cost: float
    margin: float
    """Cost of the runner-up, of either, minus this one's; large where there is none."""


class Layout:
    """The texts of a page as they stand to each other: known labels, and the pieces that are none."""

    def __init__(self, known: Sequence[Label], free: Sequence[Piece]) -> None:
        self.known = known
        self.free = free
        self._obstacles = [*(label.box for label in known), *(piece.box for piece in free)]
        self._numbers = [piece.box for piece in free if piece.kind == "number"]
        words = (piece for piece in free if piece.kind == "word" and not piece.leads)
        self._words = {(piece.row, piece.order): piece.box for piece in words}
        self._led_rows = {piece.row for piece in free if piece.led and piece.order == 0}

    def offers(self, labels: Iterable[Label], values: Sequence[Piece], habit: Side | None) -> list[Offer]:
        """The ways in which values may belong to labels."""
        found: list[Offer] = []
        for label in labels:
            own = [
                Offer(label, value, side, cost)
                for value in values
                for side, cost in self._ways(label, value, habit)
            ]
            in_row = [offer for offer in own if offer.side in IN_ROW]
            found += in_row if in_row and (label.leads or _is_served(label, in_row)) else own
        return found

    def side(self, one: Box, other: Box, farthest_right: float = _FARTHEST_RIGHT) -> tuple[Side | None, float]:
        """On which side of one text another stands, and how far off, if nothing stands between them."""
        side, distance = stance(one, other, farthest_right)
        return (None, 0.0) if side is None or blocked(one, other, self._obstacles) else (side, distance)

    def _ways(self, label: Label, value: Piece, habit: Side | None) -> Iterable[tuple[Side, float]]:
        """The ways in which a value may belong to a label, each with its cost."""
        leads_on = label.leads and label.row + 1 in self._led_rows
        if leads_on or (value.led and value.order == 0):
            if leads_on and value.row == label.row + 1 and value.order == 0:
                yield "behind", SIDE_COST["behind"]
        elif label.row == value.row:
            if value.order == label.last + 1:
                yield "behind", SIDE_COST["behind"]
            elif value.order == label.first - 1:
                yield "before", SIDE_COST["before"] + (_AGAINST_HABIT if habit in IN_ROW else 0.0)
        else:
            side, distance = self.side(label.box, self._with_unit(value), _FARTHEST_LED)
            if side is not None and (side != "right" or label.leads or self._is_near(label.box, value.box)):
                yield side, distance + SIDE_COST[side] - (_HABIT if side == habit else 0.0)

    def _with_unit(self, value: Piece) -> Box:
        """A number's place with that of the word behind it: a label set right stands above its unit."""
        if value.kind != "number":
            return value.box
        unit = self._words.get((value.row, value.order + 1))
        return value.box if unit is None else value.box.union(unit)

    def _is_near(self, label: Box, value: Box) -> bool:
        """Whether a value is near enough to its label, or both stand in columns of a table: below like, like."""
        gap = value.x - label.right
        if gap <= _FARTHEST_RIGHT * reach(label, value):
            return True
        under = [box for box in self._numbers if _overlap(box, value) and not in_row(box, value)]
        like = [other.box for other in self.known if aligned(other.box, label) and not in_row(other.box, label)]
        return any(in_row(box, other) for box in under for other in like)


def _is_served(label: Label, in_row: Iterable[Offer]) -> bool:
    """Whether a label that the schema does not know has a value right behind it: it wants none of other rows."""
    return not label.field and any(offer.side == "behind" for offer in in_row)


def _overlap(one: Box, other: Box) -> bool:
    return one.x < other.right and other.x < one.right


def mutual(offers: Sequence[Offer]) -> list[Match]:
    """The pairs in which each is the other's nearest."""
    found: list[Match] = []
    for label in dict.fromkeys(offer.label for offer in offers):
        best, *others = sorted((offer for offer in offers if offer.label is label), key=lambda offer: offer.cost)
        wanted = [offer.cost for offer in offers if offer.value is best.value and offer.label is not label]
        rivals = [*wanted, *(offer.cost for offer in others if offer.value is not best.value)]
        if not any(cost < best.cost for cost in wanted):
            margin = min(rivals, default=best.cost + _NO_RIVAL) - best.cost
            found.append(Match(label, best.value, best.side, best.cost, margin))
    return found


def sibling_sides(layout: Layout) -> Iterable[Side]:
    """Where values stand by how the known labels stand: under each other, right of them; in a row, below."""
    for one, other in product(layout.known, repeat=2):
        if one.field == other.field:
            continue
        side, _ = layout.side(one.box, other.box)
        if side == "below":
            yield "right"
        elif side == "right":
            yield "below"
