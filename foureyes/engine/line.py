"""A line of text as the OCR saw it: what it says, where each character stands, and how sure the net was."""

from __future__ import annotations

from dataclasses import dataclass, replace

from foureyes.picture import Box


@dataclass(frozen=True)
class Text:
    """What was recognised in a crop; `centres` holds the middle of each character as a fraction of its width."""

    text: str
    centres: tuple[float, ...]
    score: float


@dataclass(frozen=True)
class Line:
    """A line of text in a picture, its box in pixels of that picture."""

    text: str
    centres: tuple[float, ...]
    score: float
    box: Box

    def part(self, start: int, end: int) -> Box:
        """The box of the characters from `start` up to, not including, `end`."""
        half = self.box.height / (2 * self.box.width)
        left = max(self._edge(start), self.centres[start] - half) if start > 0 else 0.0
        right = self._edge(end) if end < len(self.text) else 1.0
        x = self.box.x + round(left * self.box.width)
        return Box(x, self.box.y, max(1, self.box.x + round(right * self.box.width) - x), self.box.height)

    def _edge(self, index: int) -> float:
        """Where the character at `index` begins: midway between its middle and its predecessor's."""
        return (self.centres[index - 1] + self.centres[index]) / 2


def line_of(text: Text, box: Box) -> Line:
    """Put what was recognised where it was found."""
    return Line(text.text, text.centres, text.score, box)


def unpadded(text: Text, width_px: int, padding_px: int) -> Text:
    """What was recognised in a crop with padding left and right, as if it had been recognised without."""
    whole = width_px + 2 * padding_px
    centres = (min(1.0, max(0.0, (centre * whole - padding_px) / width_px)) for centre in text.centres)
    return replace(text, centres=tuple(centres))
