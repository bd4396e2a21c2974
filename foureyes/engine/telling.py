"""Values of words: a text can be a label as well as a value; what is not told for sure is left in doubt."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import replace

from foureyes.engine.offers import IN_ROW, Label, Layout, Match, Offer, mutual
from foureyes.engine.pieces import Piece
from foureyes.engine.stance import Side
from foureyes.schema.document import Field

KINDS_OF_WORDS = frozenset({"text", "enum", "boolean", "time", "list"})

Suits = Callable[[Field, Piece], bool]
"""Whether a text can be read by a field's type."""


def told(
    labels: Sequence[Label],
    counted: Sequence[Label],
    by_name: Mapping[str, Field],
    layout: Layout,
    habit: Side | None,
    suits: Suits,
) -> list[Match]:
    """Match labels with values of words; a margin of 0 says that it could as well be another.

    Labels of numbers compete: what is nearest to one of them is not another field's value.
    """
    runs = _runs(layout.free)
    offers = layout.offers([*_foreign(layout.free), *counted], runs, habit)
    doubtful: list[Label] = []
    for label in labels:
        field = by_name[label.field]
        own = _likely(field, layout.offers([label], runs, habit), suits)
        chosen = _on_one_side(own, habit)
        if chosen is None:
            doubtful.append(label)
        elif field.kind == "text":
            chosen = [offer for offer in chosen if not _is_label(offer, runs, layout, habit)]
        offers += own if chosen is None else chosen
    found = [match for match in mutual(offers) if match.label in labels]
    return [replace(match, margin=0.0) if match.label in doubtful else match for match in found]


def _foreign(free: Sequence[Piece]) -> list[Label]:
    """Labels that the schema does not know, told by the colon or leader behind them."""
    named = [piece for piece in free if piece.leads]
    return [Label(piece.text, piece.box, piece.row, piece.order, piece.order, leads=True) for piece in named]


def _runs(free: Sequence[Piece]) -> list[Piece]:
    """Values of words: all that stands together in a row, as "2026-11-20 03:15"; never what leads to a value."""
    runs: list[Piece] = []
    last: Piece | None = None
    for piece in free:
        if last is not None and (last.row, last.order, last.leads) == (piece.row, piece.order - 1, False):
            runs[-1] = replace(runs[-1].covering(piece), order=runs[-1].order)
        else:
            runs.append(replace(piece, text=piece.whole, unit=""))
        last = piece
    return [run for run in runs if not run.leads]


def _likely(field: Field, offers: Sequence[Offer], suits: Suits) -> list[Offer]:
    """Where one of them can be read by the field's type, the others are not its value."""
    return [offer for offer in offers if suits(field, offer.value)] or list(offers)


def _is_label(offer: Offer, runs: Sequence[Piece], layout: Layout, habit: Side | None) -> bool:
    """Whether a text has a value of its own, nearer or on the side where values stand, and is a label itself."""
    if offer.side == "behind" or (offer.side == "right" and offer.label.leads):
        return False
    value = offer.value.box
    around = [(layout.side(value, run.box)[0], run.box) for run in runs if run is not offer.value]
    habitual: Side = "right" if habit is None or habit in IN_ROW else habit
    if offer.side == "right":
        gap = value.x - offer.label.box.right
        nearer = any(side == "right" and box.x - value.right < gap for side, box in around)
        return nearer or (habitual != "right" and any(side == habitual for side, _ in around))
    return offer.side != habit and any(side == habitual for side, _ in around)


def _on_one_side(offers: Sequence[Offer], habit: Side | None) -> list[Offer] | None:
    """The offers on the side where values stand; None where there are some in the row and others in the column."""
    behind = [offer for offer in offers if offer.side == "behind"]
    in_row = behind or [offer for offer in offers if offer.side in IN_ROW]
    in_column = [offer for offer in offers if offer.side not in IN_ROW]
    if behind or not in_column or (in_row and habit in IN_ROW):
        return in_row
    if not in_row or habit is not None:
        return in_column
    return None
