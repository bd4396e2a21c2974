"""Comparing what the OCR read with what a label or a cue says, tolerant of its slips and of nothing else."""

from __future__ import annotations

import re
import unicodedata
from collections import Counter
from functools import lru_cache

from rapidfuzz.distance import Levenshtein

_CONFUSED = str.maketrans(
    {"0": "o", "1": "l", "i": "l", "|": "l", "!": "l", "5": "s", "8": "b", "2": "z", "$": "s"}
)
_LONG_CHARS = 8
_SHORT_CHARS = 5
_NUMERAL = re.compile(r"(?<![^\W_])[0-9]+(?![^\W_])")


@lru_cache(maxsize=4096)
def folded(text: str) -> str:
    """The text as it is compared: no case, accents, spaces or punctuation, and look-alikes as one."""
    plain = unicodedata.normalize("NFKD", text.casefold()).translate(_CONFUSED)
    return "".join(char for char in plain if char.isalnum())


def slips_allowed(length: int) -> int:
    """How many characters of a label this long may be wrong."""
    return 0 if length < _SHORT_CHARS else 1 if length < _LONG_CHARS else 2


def similarity(label: str, text: str) -> float:
    """1 for the same, 0 for another text; what is between says how many characters slipped."""
    wanted, seen = folded(label), folded(text)
    if not wanted or not seen:
        return 0.0
    allowed = slips_allowed(len(wanted))
    slips = Levenshtein.distance(wanted, seen, score_cutoff=allowed)
    if slips > allowed or (slips and not _could_slip(label, text)):
        return 0.0
    return 1.0 - slips / len(wanted)


def _could_slip(label: str, text: str) -> bool:
    """Whether slips may tell two texts apart, or one is another name: "CPU 2", "Max speed", "Locked"."""
    wanted, seen = folded(label), folded(text)
    if _NUMERAL.findall(label) != _NUMERAL.findall(text) or abs(len(wanted) - len(seen)) > 1:
        return False
    words = [folded(word) for word in label.split()]
    of_char = [index for index, word in enumerate(words) for _ in word]
    slipped = Counter(of_char[min(edit.src_pos, len(of_char) - 1)] for edit in Levenshtein.editops(wanted, seen))
    return all(slips <= slips_allowed(len(words[index])) for index, slips in slipped.items())
