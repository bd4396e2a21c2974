"""Which value belongs to which label: every text on the page competes, and only mutual best matches count.

A label is any run of words, known to the schema or not; a value is any number, and for fields of words any run of
words that is no known label. A value goes to a label only where each is the other's nearest, so that a field
is never filled from what suits another label better.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from itertools import product
from typing import Literal

from foureyes.engine.labels import similarity
from foureyes.engine.pieces import Piece
from foureyes.picture import Box
from foureyes.schema.document import Field

Side = Literal["behind", "right", "below", "above", "before"]

_SIDE_COST: dict[Side, float] = {"behind": 0.0, "right": 0.3, "below": 0.4, "above": 0.9, "before": 0.8}
"""What a direction costs beside its distance in heights: of two as near, right goes before below."""
_KINDS_OF_WORDS = frozenset({"text", "enum", "boolean", "time", "list"})
_HABIT = 0.8
"""How much cheaper the side is on which most of the page's known labels have their value."""
_FARTHEST_RIGHT = 30.0
_FARTHEST_DOWN = 2.2
_RIGHT_WEIGHT = 0.45
"""Of the square root: a value at the end of a row stands far from its label, and yet alone with it."""
_LARGER_BY = 6.0
"""A value may be so much taller than its label, or the other way round, and still be its value."""


@dataclass(frozen=True)
class Label:
    """A run of words that may name a value; `field` is empty where the schema does not know it."""

    text: str
    box: Box
    row: int
    first: int
    last: int
    field: str = ""
    similarity: float = 0.0


@dataclass(frozen=True)
class Match:
    """A label and its value: how they stand to each other, what that costs and how far off the next best is."""

    label: Label
    value: Piece
    side: Side
    cost: float
    margin: float
    """Cost of the runner-up, of either, minus this one's; large where there is none."""


@dataclass(frozen=True)
class Association:
    """What was found on a page: known labels by field, matches by field, and the side on which values stand."""

    labels: dict[str, list[Label]]
    matches: dict[str, list[Match]]
    habit: Side | None


def known_labels(fields: Sequence[Field], pieces: Sequence[Piece]) -> dict[str, list[Label]]:
    """The places where each field's label stands; a place that suits another field better is not listed."""
    spans = list(_spans(pieces))
    best: dict[tuple[int, int, int], Label] = {}
    for field, span in product(fields, spans):
        alike = max(similarity(text, span.text) for text in field.labels)
        place = (span.row, span.first, span.last)
        if alike > 0 and (place not in best or alike > best[place].similarity):
            best[place] = Label(span.text, span.box, span.row, span.first, span.last, field.name, alike)
    found: dict[str, list[Label]] = {}
    for label in best.values():
        found.setdefault(label.field, []).append(label)
    return {name: _surest(labels) for name, labels in found.items()}


def _surest(labels: Sequence[Label]) -> list[Label]:
    """Where one place has the label exactly, places that have it with slips are other texts."""
    top = max(label.similarity for label in labels)
    return [label for label in labels if label.similarity == top]


def _spans(pieces: Sequence[Piece]) -> Iterable[Label]:
    """Every run of neighbouring pieces of a row: a label may have a number in it ("CPU 1")."""
    rows: dict[int, list[Piece]] = {}
    for piece in pieces:
        rows.setdefault(piece.row, []).append(piece)
    for row, members in rows.items():
        for start, end in product(range(len(members)), range(1, len(members) + 1)):
            run = members[start:end]
            if any(piece.kind == "word" for piece in run):
                box = run[0].box
                for piece in run[1:]:
                    box = box.union(piece.box)
                yield Label(" ".join(piece.text for piece in run), box, row, start, end - 1)


def associate(fields: Sequence[Field], pieces: Sequence[Piece]) -> Association:
    """Match the labels of a page with its values."""
    known = known_labels(fields, pieces)
    own = [label for labels in known.values() for label in labels]
    free = [piece for piece in pieces if not any(_holds(label, piece) for label in own)]
    obstacles = [*(label.box for label in own), *(piece.box for piece in free)]
    habit = _habit(_mutual(own, free, obstacles, None))
    of_words = {field.name for field in fields if field.kind in _KINDS_OF_WORDS}
    told = _mutual([label for label in own if label.field in of_words], free, obstacles, habit)
    rivals = _foreign(free, pieces, [match.value for match in told])
    counted = [label for label in own if label.field not in of_words]
    numbers = [piece for piece in free if piece.kind == "number"]
    by_field: dict[str, list[Match]] = {}
    for match in [*told, *_mutual([*counted, *rivals], numbers, obstacles, habit)]:
        if match.label.field:
            by_field.setdefault(match.label.field, []).append(match)
    return Association(known, by_field, habit)


def _foreign(free: Sequence[Piece], pieces: Sequence[Piece], taken: Sequence[Piece]) -> list[Label]:
    """Labels that the schema does not know: runs of words that are neither units nor values of other fields."""
    words = [piece for piece in free if piece.kind == "word" and piece not in taken and _names(piece, pieces)]
    return [Label(word.text, word.box, word.row, word.order, word.order) for word in words]


def _holds(label: Label, piece: Piece) -> bool:
    return label.row == piece.row and label.first <= piece.order <= label.last


def _names(word: Piece, pieces: Sequence[Piece]) -> bool:
    """Whether a run of words may be a label: what stands behind a number in its row is the number's unit."""
    ahead = (piece for piece in pieces if piece.row == word.row and piece.order == word.order - 1)
    return any(char.isalpha() for char in word.text) and not any(piece.kind == "number" for piece in ahead)


def _habit(matches: Sequence[Match]) -> Side | None:
    """The side on which most of the page's known labels have their nearest value."""
    if not matches:
        return None
    sides = Counter(match.side for match in matches)
    return min(sides, key=lambda side: (-sides[side], _SIDE_COST[side]))


def _mutual(
    labels: Sequence[Label], values: Sequence[Piece], obstacles: Sequence[Box], habit: Side | None
) -> list[Match]:
    """The pairs in which each is the other's nearest."""
    offers = [
        (cost, label, value, side)
        for label, value in product(labels, values)
        for side, cost in _ways(label, value, obstacles, habit)
    ]
    found: list[Match] = []
    for label in labels:
        own = sorted((offer for offer in offers if offer[1] is label), key=lambda offer: offer[0])
        if not own:
            continue
        cost, _, value, side = own[0]
        rivals = [offer[0] for offer in offers if offer[2] is value and offer[1] is not label]
        rivals += [offer[0] for offer in own if offer[2] is not value]
        margin = min(rivals, default=cost + 10.0) - cost
        if not any(offer[2] is value and offer[0] < cost for offer in offers):
            found.append(Match(label, value, side, cost, margin))
    return found


def _ways(
    label: Label, value: Piece, obstacles: Sequence[Box], habit: Side | None
) -> Iterable[tuple[Side, float]]:
    """The ways in which a value may belong to a label, each with its cost."""
    if label.row == value.row:
        if value.order == label.last + 1:
            yield "behind", _SIDE_COST["behind"]
        elif value.order == label.first - 1:
            yield "before", _SIDE_COST["before"]
        return
    side, distance = _stands(label.box, value.box)
    if side is not None and not _blocked(label.box, value.box, obstacles):
        yield side, distance + _SIDE_COST[side] - (_HABIT if side == habit else 0.0)


def _stands(label: Box, value: Box) -> tuple[Side | None, float]:
    """On which side of a label a value stands, and how far off, in heights of the smaller text."""
    lower, higher = sorted((label.height, value.height))
    if higher > _LARGER_BY * lower:
        return None, 0.0
    across = min(label.right, value.right) - max(label.x, value.x)
    down = min(label.bottom, value.bottom) - max(label.y, value.y)
    if down > 0.5 * lower and value.x >= label.right - 0.5 * lower:
        distance = max(0, value.x - label.right) / lower
        return ("right", math.sqrt(distance) * _RIGHT_WEIGHT) if distance <= _FARTHEST_RIGHT else (None, 0.0)
    gap = max(value.y - label.bottom, label.y - value.bottom)
    if across <= 0 or gap < -0.5 * lower or gap > _FARTHEST_DOWN * higher:
        return None, 0.0
    return ("below" if value.y > label.y else "above"), max(0, gap) / lower + _skew(label, value)


def _skew(label: Box, value: Box) -> float:
    """How badly two boxes are aligned: 0 where left edges, middles or right edges stand above each other."""
    offsets = (
        abs(label.x - value.x),
        abs(label.x + label.width / 2 - value.x - value.width / 2),
        abs(label.right - value.right),
    )
    return min(1.0, min(offsets) / max(label.width, value.width))


def _blocked(label: Box, value: Box, obstacles: Sequence[Box]) -> bool:
    """Whether another text stands between the two."""
    left, right = sorted((label, value), key=lambda box: box.x + box.width / 2)
    upper, lower = sorted((label, value), key=lambda box: box.y + box.height / 2)
    if min(label.right, value.right) > max(label.x, value.x):
        x = max(label.x, value.x)
        between = Box(x, upper.bottom, min(label.right, value.right) - x, lower.y - upper.bottom)
    else:
        y = max(label.y, value.y)
        between = Box(left.right, y, right.x - left.right, min(label.bottom, value.bottom) - y)
    inner = between.width > 0 and between.height > 0
    return inner and any(_fills(box, between) for box in obstacles if box not in (label, value))


def _fills(box: Box, between: Box) -> bool:
    """Whether the middle of a text stands between, or the text crosses all of it."""
    if not box.overlaps(between):
        return False
    middle = box.x + box.width / 2, box.y + box.height / 2
    inside = between.x <= middle[0] < between.right and between.y <= middle[1] < between.bottom
    crosses = box.x <= between.x and box.right >= between.right
    return inside or (crosses and between.y <= middle[1] < between.bottom)
