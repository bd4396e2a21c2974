"""Which value belongs to which label: every text on the page competes, and only mutual best matches count.

A label is any run of words, known to the schema or not; a value is any number, and for fields of words any run of
words that is no known label. A value goes to a label only where each is the other's nearest, so that a field
is never filled from what suits another label better.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from itertools import product

from foureyes.engine.columns import headings, notes
from foureyes.engine.doubt import doubted
from foureyes.engine.labels import similarity
from foureyes.engine.offers import IN_ROW, SIDE_COST, Label, Layout, Match, Offer, mutual, sibling_sides
from foureyes.engine.pieces import Piece
from foureyes.engine.splitting import split_at_labels
from foureyes.engine.stance import Side, covers
from foureyes.engine.telling import KINDS_OF_WORDS, Suits, told
from foureyes.picture import Box
from foureyes.schema.document import Field


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
            best[place] = replace(span, field=field.name, similarity=alike)
    found: dict[str, list[Label]] = {}
    for label in best.values():
        if not any(_is_within(label, other) for other in best.values()):
            found.setdefault(label.field, []).append(label)
    return {name: _surest(labels) for name, labels in found.items()}


def _is_within(label: Label, other: Label) -> bool:
    """Whether a label is part of a longer one: "CPU" of "CPU 1" names nothing."""
    is_inside = label.row == other.row and other.first <= label.first and label.last <= other.last
    return is_inside and (label.first, label.last) != (other.first, other.last)


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
                leads = end == len(members) and (run[-1].leads or _is_led(rows.get(row + 1, ())))
                yield Label(" ".join(piece.text for piece in run), box, row, start, end - 1, leads)


def _is_led(row: Sequence[Piece]) -> bool:
    return bool(row) and row[0].led


def associate(fields: Sequence[Field], page: Sequence[Piece], suits: Suits) -> Association:
    """Match the labels of a page with its values."""
    by_name = {field.name: field for field in fields}
    pieces = split_at_labels(page, fields, suits)
    known = known_labels(fields, pieces)
    own = [label for labels in known.values() for label in labels]
    of_words = [label for label in own if by_name[label.field].kind in KINDS_OF_WORDS]
    counted = [label for label in own if label not in of_words]
    free = [piece for piece in pieces if not any(_holds(label, piece) for label in own)]
    aside = notes(free, own, lambda label, word: label in of_words and suits(by_name[label.field], word))
    layout = Layout(own, [piece for piece in free if piece not in aside])
    numbers = [piece for piece in layout.free if piece.kind == "number" and not piece.leads]
    habit = _habit(layout.offers(counted, numbers, None))
    habit = habit or _commonest(sibling_sides(layout))
    words = told(of_words, counted, by_name, layout, habit, suits)
    taken = [match.value.box for match in words if suits(by_name[match.label.field], match.value)]
    left = [number for number in numbers if not any(covers(number.box, box) for box in taken)]
    rivals = _foreign(layout.free, pieces, taken, own)
    found = [*words, *doubted(mutual(layout.offers([*counted, *rivals], left, habit)), left, layout)]
    by_field: dict[str, list[Match]] = {}
    for match in found:
        if match.label.field:
            by_field.setdefault(match.label.field, []).append(match)
    return Association(known, by_field, habit)


def _foreign(
    free: Sequence[Piece], pieces: Sequence[Piece], taken: Sequence[Box], own: Sequence[Label]
) -> list[Label]:
    """Labels that the schema does not know: words that are no units, fields' values or columns' headings."""
    left = [piece for piece in free if not any(covers(piece.box, box) for box in taken)]
    words = [piece for piece in left if piece.kind == "word" and _names(piece, pieces)]
    of_columns = headings(words, [piece for piece in free if piece.kind == "number"], own)
    return [
        Label(word.text, word.box, word.row, word.order, word.order, word.leads)
        for word in words
        if word not in of_columns
    ]


def _holds(label: Label, piece: Piece) -> bool:
    return label.row == piece.row and label.first <= piece.order <= label.last


def _names(word: Piece, pieces: Sequence[Piece]) -> bool:
    """Whether a run of words may be a label: what stands behind a number in its row is the number's unit."""
    if word.leads:
        return True
    ahead = (piece for piece in pieces if piece.row == word.row and piece.order == word.order - 1)
    return any(char.isalpha() for char in word.text) and not any(piece.kind == "number" for piece in ahead)


def _habit(offers: Sequence[Offer]) -> Side | None:
    """The side on which most labels have a value; of two as common the one on which more have their nearest."""
    nearest = Counter(match.side for match in mutual(offers))
    served = Counter(ways for _, ways in {(offer.label, _ways(offer.side)) for offer in offers})
    most = max(((served[ways], sum(nearest[side] for side in ways)) for ways in served), default=None)
    best = [ways for ways in served if (served[ways], sum(nearest[side] for side in ways)) == most]
    return max(
        (side for ways in best for side in ways), key=lambda side: (nearest[side], -SIDE_COST[side]), default=None
    )


def _ways(side: Side) -> frozenset[Side]:
    """The sides that are one habit: a row is read in one piece or in two."""
    return IN_ROW if side in IN_ROW else frozenset({side})


def _commonest(sides: Iterable[Side]) -> Side | None:
    """Of two as frequent the likelier."""
    counts = Counter(sides)
    return min(counts, key=lambda side: (-counts[side], SIDE_COST[side]), default=None)
