"""Words in a script that the recogniser does not know: it reads Latin letters into them, but not surely."""

from __future__ import annotations

import unicodedata

from foureyes.engine.pieces import Piece
from foureyes.engine.sight import Sight

_SURE = 0.88
"""Score of Latin words without their label: measured 0.90 and up, Cyrillic and Armenian ones mostly below 0.85."""
_SYMBOLS = "\u2190"
"""Arrows, signs of mathematics and boxes begin here: what a foreign letter is taken for."""


def legible(piece: Piece, sight: Sight) -> bool:
    """Whether words are Latin, and read surely without the label that stands before them in their line."""
    return _is_latin(piece.text) and sight.look(piece.box).score >= _SURE


def _is_latin(text: str) -> bool:
    letters = all("LATIN" in unicodedata.name(char, "") for char in text if char.isalpha())
    return letters and max(text, default="") < _SYMBOLS
