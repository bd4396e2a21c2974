"""The last picture that a model read for a task, and whether a look shows the same again."""

from __future__ import annotations

from dataclasses import dataclass, replace

from foureyes.vision.answer import Answer
from foureyes.vision.change import Noise, changed
from foureyes.vision.look import Look, View


@dataclass(frozen=True)
class Accepted:
    """What was seen, and what a model read there, agreed or not."""

    view: View
    answer: Answer

    def with_fields(self, view: View, fresh: Answer) -> Accepted:
        """The same, some fields read again just now."""
        return Accepted(view, replace(self.answer, values={**self.answer.values, **fresh.values}))

    def is_of(self, look: Look, *, pair: bool) -> bool:
        """Whether a look has the very same Picture objects: no pixel need be touched."""
        frames = (look.frame, look.previous) if pair else (look.frame,)
        pictures = [frame.picture for frame in frames if frame is not None]
        return len(pictures) == len(self.view.pictures) and all(map(_is, pictures, self.view.pictures))

    def is_shown_by(self, view: View, noise: Noise) -> bool:
        """Whether a view shows the same pixels, but for a source's noise. Slow: keep it off the event loop."""
        if len(view.pictures) != len(self.view.pictures) or view.boxes != self.view.boxes:
            return False
        thresholds = [noise.thresholds_in(box) for box in view.boxes] * len(view.pictures)
        return not any(map(changed, view.crops(), self.view.crops(), thresholds))


def _is(one: object, other: object) -> bool:
    return one is other
