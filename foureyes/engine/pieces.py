"""Cutting lines into pieces: words and numbers with their places; what was torn apart is joined first."""

from __future__ import annotations

import re
from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from functools import reduce
from typing import Literal

from foureyes.engine.confusions import is_slipped_number
from foureyes.engine.line import Line
from foureyes.picture import Box
from foureyes.schema.values import CURRENCY, MINUS_SIGNS, MONEY_SIGNS, SCALE, is_amount

_LEADER = r"[:=](?=\s|$|\D)|\.{3,}:?|(?<=\s)\.{2}(?=\s|$)|…|·{2,}|_{3,}|-{3,}"
"""What leads from a label to its value; a bar or a bullet only parts."""
_SEPARATOR = re.compile(rf"\s*(?:(?P<leader>{_LEADER})|\||•)\s*|(?<=[^\W\d])(?P<colon>:)(?=\d)")
_WIDE_GAP = 1.6
"""A gap inside a line, in heights of it, that parts columns."""
_TORN_GAP = 0.45
"""A gap between two boxes, in heights, up to which they are one text."""
_SPACE_IN_NUMBER = 0.675
_SPACE_TO_SIGN = 1.0
"""Gaps in heights: between the groups of one number, and between a number and its currency or sign."""
_WIDEST_SPACE = 1.5
"""The first of them in widths of a digit: one space of a typeface in which all characters are as wide."""
_TOKEN = re.compile(
    rf"\d{{1,2}}:\d\d(?::\d\d)?(?=[^\W\d]{{3}})|[^\W\d_]{{3,}}(?=[{MONEY_SIGNS}]?\d+[:.,\-]\d)|\S+"
)
"""A word or number; the space may be missing behind a clock ("00:07REC") and before an amount ("Arrival23:30")."""
_DIGIT = r"[0-9]"
_SIGN = rf"[({MINUS_SIGNS}+]"
_MONEY = rf"[{MONEY_SIGNS}]"
_NUMBER = re.compile(
    rf"{_SIGN}*(?:[A-Z]{{0,3}}{_MONEY})?{_SIGN}*[.,]?{_DIGIT}[0-9.,'\u2019:]*[{MONEY_SIGNS}%)\-]*"
)
_UNIT = r"[^\W\d_°µ]*[a-zA-Z°µ℃℉](?:[^\W\d]|[/°²³%℃℉])*[23]?"
"""A unit may end in a power ("m3"); with a digit elsewhere it is more than one number ("12d4h")."""
_NUMBER_AND_UNIT = re.compile(rf"({_NUMBER.pattern})({_UNIT})")
_SPAN = r"\d+\s*(?:d(?:ays?)?|h(?:(?:ou)?rs?)?|m(?:in(?:ute)?s?)?|s(?:ec(?:ond)?s?)?)"
_DATE = re.compile(r"\d{1,4}([-/.])\d{1,2}\1\d{1,4}(?:T[\d:]+)?")
_DURATION = re.compile(rf"{_SPAN}(?:,?\s*{_SPAN})+", re.IGNORECASE)
"""Several numbers that are one value ("12 d 4 h"): whoever wants a number gets none of them."""
_LONGEST_DURATION = 8
_RATE = re.compile(r"[1lI|]/[a-zA-Z]\w*")
_ENDS_OPEN = re.compile(r"(?<=[0-9])[.,]$")
_LISTED = re.compile(rf",\s+(?!(?:{CURRENCY})\b)[^\W\d_]{{3}}")
"""Behind a number: the comma of a list, since a word follows it in the same line ("12, Tables")."""
_BEGINS_OPEN = re.compile(r"^[.,][0-9]")
_BEFORE = re.compile(rf"{_SIGN}*{CURRENCY}{_SIGN}?|{_SIGN}")
"""What belongs to the number after it: a sign, a currency."""
_BEHIND = re.compile(rf"[.,]|(?:{SCALE}|%)\)?|{SCALE}?{CURRENCY}\)?|\)")
"""What belongs to the number before it: a currency, what multiplies it, the end of a bracket."""

Kind = Literal["word", "number"]


@dataclass(frozen=True)
class Piece:
    """A run of words, or one number, with its place; `row` counts the stretch of text it was cut from."""

    kind: Kind
    text: str
    box: Box
    row: int
    order: int
    """Its place among the pieces of its row."""
    score: float
    unit: str = ""
    """What stood directly behind a number: a unit, never part of it."""
    led: bool = False
    """Whether a colon or leader stood before it: then it is the value of what stands before that."""
    leads: bool = False
    """Whether a colon or leader stood behind it: then it is a label, and never a value."""
    lines: tuple[Box, ...] = ()
    """The boxes of the lines that it was read from; more than one where the detector tore it apart."""

    parts: tuple[Piece, ...] = ()

    @property
    def words(self) -> tuple[Piece, ...]:
        """The single words that a run was joined of, in their order."""
        return self.parts or (self,)

    @property
    def whole(self) -> str:
        """Its text with its unit."""
        return f"{self.text}{self.unit}"

    def covering(self, other: Piece) -> Piece:
        """Both as one piece of words."""
        text = f"{self.whole} {other.whole}"
        box, score = self.box.union(other.box), min(self.score, other.score)
        lines, words = united(self.lines, other.lines), (*self.words, *other.words)
        return Piece("word", text, box, self.row, self.order, score, "", self.led, other.leads, lines, words)


def united(one: Iterable[Box], other: Iterable[Box]) -> tuple[Box, ...]:
    """The boxes of both, each once."""
    return tuple(dict.fromkeys((*one, *other)))


@dataclass(frozen=True)
class _Token:
    text: str
    box: Box
    score: float
    lines: tuple[Box, ...]
    led: bool = False
    leads: bool = False
    parted: bool = False
    """Whether anything that parts stood before it, be it a leader, a bar or a bullet."""

    def joined(self, other: _Token, gap: str) -> _Token:
        """Both as one token, with `gap` between their texts."""
        return _Token(
            f"{self.text}{gap}{other.text}",
            self.box.union(other.box),
            min(self.score, other.score),
            united(self.lines, other.lines),
            self.led,
            other.leads,
            self.parted,
        )


def pieces_of(lines: Sequence[Line]) -> list[Piece]:
    """Cut a page into pieces, from top to bottom and left to right."""
    found: list[Piece] = []
    row = 0
    for joined in _mended(lines):
        for stretch in _stretches(joined):
            found.extend(_cut(stretch, row))
            row += 1
    return found


def _mended(lines: Sequence[Line]) -> list[list[Line]]:
    """Lines that the detector tore apart, put together again: same height, same row, hardly a gap."""
    groups: list[list[Line]] = []
    for line in sorted(lines, key=lambda line: line.box.x):
        home = next((group for group in groups if _continues(group[-1].box, line.box)), None)
        if home is None:
            groups.append([line])
        else:
            home.append(line)
    return sorted(groups, key=lambda group: (group[0].box.y, group[0].box.x))


def _continues(left: Box, right: Box) -> bool:
    lower, higher = sorted((left.height, right.height))
    overlap = min(left.bottom, right.bottom) - max(left.y, right.y)
    gap = right.x - left.right
    return overlap > 0.6 * lower and higher < 1.5 * lower and -0.5 * higher < gap < _TORN_GAP * higher


def _stretches(lines: Iterable[Line]) -> list[list[_Token]]:
    """The tokens of one line, cut where a separator or a wide gap parts them."""
    stretches: list[list[_Token]] = []
    for token in (token for line in lines for token in _tokens(line)):
        last = stretches[-1][-1] if stretches else None
        if last is None:
            stretches.append([replace(token, led=False)])
        elif token.parted or last.leads:
            stretches.append([replace(token, led=token.led or last.leads)])
        elif _far(last, token):
            stretches.append([token])
        else:
            stretches[-1].append(token)
    return stretches


def _far(last: _Token, token: _Token) -> bool:
    """Whether a token begins another column; of two words between leaders the second is the next label."""
    return token.box.x - last.box.right > _WIDE_GAP * token.box.height or (last.led and token.leads)


def _tokens(line: Line) -> Iterable[_Token]:
    """The tokens of a line's text, with what leads to them and what they lead to."""
    start, led, parted = 0, False, False
    ends = [*_SEPARATOR.finditer(line.text), None]
    for separator in ends:
        begin, end = separator.span() if separator else (len(line.text), len(line.text))
        leads = bool(separator and (separator["leader"] or separator["colon"]))
        found = list(_TOKEN.finditer(line.text, start, begin))
        for match in found:
            box = line.part(*match.span())
            text = match.group()
            if text[-2:-1].isdigit() and _LISTED.match(line.text, match.end() - 1):
                text = text[:-1]
            yield _Token(text, box, line.score, (line.box,), led, leads and match is found[-1], parted)
            led = parted = False
        start, led, parted = end, leads, True


def _cut(tokens: Sequence[_Token], row: int) -> list[Piece]:
    """Runs of words and single numbers out of one stretch."""
    cut: list[Piece] = []
    for token in _joined_durations(_joined_numbers(tokens)):
        if not any(char.isalnum() for char in token.text):
            continue
        piece = _piece(token, row, len(cut))
        if cut and cut[-1].kind == "word" and piece.kind == "word":
            cut[-1] = cut[-1].covering(piece)
        else:
            cut.append(piece)
    return cut


def _piece(token: _Token, row: int, order: int) -> Piece:
    number, unit = _as_number(token.text)
    kind: Kind = "word" if number is None else "number"
    text = number or token.text
    return Piece(kind, text, token.box, row, order, token.score, unit, token.led, token.leads, token.lines)


def _as_number(text: str) -> tuple[str | None, str]:
    """The number in a token and the unit that sticks to it; (None, "") for a word. Its slips are left in it."""
    if _RATE.fullmatch(text):
        return None, ""
    if _DURATION.fullmatch(text) or _DATE.fullmatch(text) or _is_number(text):
        return text, ""
    if match := _NUMBER_AND_UNIT.fullmatch(text):
        return match[1], match[2]
    return (text, "") if is_slipped_number(text) else (None, "")


def _joined_numbers(tokens: Sequence[_Token]) -> list[_Token]:
    """Join what is one number: "$1," "785.42", "47" "." "9", "1" "234,56", "$" "5", "5.00" "EUR"."""
    joined: list[_Token] = []
    for token in tokens:
        if joined and _is_one_number(joined[-1], token):
            joined[-1] = joined[-1].joined(token, _space(joined[-1].text, token.text))
        else:
            joined.append(token)
    return joined


def _joined_durations(tokens: Sequence[_Token]) -> list[_Token]:
    """Join what is one duration: "12" "d" "4" "h"."""
    joined: list[_Token] = []
    start = 0
    while start < len(tokens):
        ends = range(min(len(tokens), start + _LONGEST_DURATION), start + 1, -1)
        end = next((end for end in ends if _DURATION.fullmatch(_text(tokens[start:end]))), start + 1)
        joined.append(reduce(lambda one, other: one.joined(other, " "), tokens[start:end]))
        start = end
    return joined


def _text(tokens: Sequence[_Token]) -> str:
    return " ".join(token.text for token in tokens)


def _is_one_number(left: _Token, right: _Token) -> bool:
    one, two = left.text, right.text
    numbers = _is_number(one) or _is_number(_ENDS_OPEN.sub("", one)), _is_number(two)
    if right.box.x - left.box.right > (
        _most_space(left, right) if all(numbers) else _SPACE_TO_SIGN * left.box.height
    ):
        return False
    if all(numbers):
        return bool(_ENDS_OPEN.search(one) or _BEGINS_OPEN.search(two)) or _is_group(one, two)
    belongs = (numbers[0] and _BEHIND.fullmatch(two)) or (numbers[1] and _BEFORE.fullmatch(one))
    return bool(belongs) and _is_number(f"{one}{_space(one, two)}{two}")


def _most_space(left: _Token, right: _Token) -> float:
    """How far apart the groups of one number may be, in pixels: boxes are higher than their type, or as tight."""
    return max(_SPACE_IN_NUMBER * left.box.height, _WIDEST_SPACE * right.box.width / len(right.text))


def _space(one: str, two: str) -> str:
    """What stands between two parts of a number: a space between thousands and before letters, else nothing."""
    return " " if _is_group(one, two) or two[0].isalpha() else ""


def _is_number(text: str) -> bool:
    return bool(_NUMBER.fullmatch(text)) or is_amount(text)


def _is_group(one: str, two: str) -> bool:
    """Whether a space between the two parts thousands: one to three digits, then exactly three."""
    first = re.sub(rf"^{_SIGN}*{_MONEY}?{_SIGN}?", "", one)
    return bool(re.fullmatch(r"[1-9][0-9]{0,2}(?: [0-9]{3})*", first) and re.match(r"[0-9]{3}(?![0-9])", two))
