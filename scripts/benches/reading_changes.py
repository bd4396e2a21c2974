"""Amounts that tick: a digit more through the engine's memo, another digit through change detection and cache."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable
from datetime import UTC, datetime
from itertools import pairwise
from typing import Any

import numpy as np
from parts.labelled.ticking import SIZE, Pair, growths, one_digit_changes

from benches.results import verdict
from foureyes.engine import reader
from foureyes.engine.change import beyond, changed_windows, holding, rewritten
from foureyes.engine.line import Line, Text
from foureyes.engine.memo import Memo, Memory, Page
from foureyes.engine.ocr import Ocr
from foureyes.engine.page import PageReader
from foureyes.engine.timings import Timings
from foureyes.frames.frame import Frame
from foureyes.frames.region import WHOLE
from foureyes.picture import Box, Picture, Pixels, digest, distance
from foureyes.vision.change import Noise, changed
from foureyes.vision.look import Look, view_of

SEED = 3777
_SCHEMA = {
    "type": "object",
    "properties": {"balance": {"type": ["string", "null"], "format": "money"}},
    "required": ["balance"],
}
_NOISE_GREYS = 2.0
_NOISY_EVERY = 10
"""Each so many changes one is shown on a noisy source too."""
_CAPTURES = 16
"""So many captures of one picture teach what noise a source shows."""


def growth(count: int) -> dict[str, Any]:
    """Read so many amounts before and after they grew, as one stream each through the engine's memo."""
    nets, became = Ocr(2), Counter[str]()
    misread = []
    for pair in growths(SEED, count):
        told = _through_the_memo(nets, pair)
        what = "withheld" if told is None else "exact" if told == pair.shown[1] else "misread"
        became[what] += 1
        misread += [{"shown": pair.shown, "told": told}] if what == "misread" else []
    return verdict(
        held=became["misread"] == 0,
        promised="none of 1,000 amounts that grew by a digit misread",
        measured={"grown": count, **became, "misreadings": misread},
    )


def _through_the_memo(nets: Ocr, pair: Pair) -> str | None:
    pages = PageReader(nets, Memo())
    told = None
    for pixels in (pair.before, pair.after):
        sight = pages.sight(0, pixels, "main", Memory(), Timings())
        told = reader.read(_SCHEMA, [sight]).values["balance"]
    return told


def changes(count: int) -> dict[str, Any]:
    """Show so many one-digit changes to what may hold, serve from cache or remember an answer."""
    blind: Counter[str] = Counter()
    noisy = alarms = 0
    for number, pair in enumerate(one_digit_changes(SEED, count)):
        blind.update(_blind(pair))
        if number % _NOISY_EVERY == 0:
            seen, alarmed = _seen_in_noise(pair)
            noisy, alarms = noisy + 1, alarms + alarmed
            blind.update([] if seen else ["comparison of a noisy source"])
    return verdict(
        held=not blind,
        promised="none of 10,000 one-digit changes held as unchanged or served from cache",
        measured={
            "changes": count,
            "not_seen_by": dict(blind),
            "on_a_noisy_source": noisy,
            "seen_there_without_a_change": alarms,
        },
    )


def _blind(pair: Pair) -> Iterable[str]:
    """What did not see the change."""
    if not changed(pair.after, pair.before, None):
        yield "exact comparison"
    if _key(pair.before) == _key(pair.after):
        yield "cache"
    if _remembered(pair):
        yield "the engine's memo"


def _key(pixels: Pixels) -> str:
    """What the answers' cache tells pictures apart by."""
    frame = Frame("one", "main", datetime.now(UTC), 0.0, Picture(pixels=pixels.copy()))
    return view_of(Look(frame, None), (WHOLE,), pair=False).digest()


def _seen_in_noise(pair: Pair) -> tuple[bool, bool]:
    """On a source of which noise was learned: whether the change is seen, and one where there is none."""
    rng, noise = np.random.default_rng(SEED), Noise()
    captures = [_noisy(rng, pair.before) for _ in range(_CAPTURES)]
    for previous, current in pairwise(captures):
        noise.observe(current, previous)
    thresholds = noise.thresholds_in(Box(0, 0, *SIZE))
    after, same = _noisy(rng, pair.after), _noisy(rng, pair.before)
    return changed(after, captures[-1], thresholds), changed(same, captures[-1], thresholds)


def _noisy(rng: np.random.Generator, pixels: Pixels) -> Pixels:
    noise = rng.normal(0, _NOISE_GREYS, pixels.shape)
    return np.asarray(np.clip(pixels + noise, 0, 255), np.uint8)


def _remembered(pair: Pair) -> bool:
    """Whether the engine's memo gives the old text for the new picture: its page, a line or a crop."""
    memo, line = Memo(), Line(pair.shown[0], (), 1.0, pair.box)
    memo.keep("main", Page(digest(pair.before), pair.before, (line,), True, 0.0))
    memo.text(pair.box.cut(pair.before), lambda _: Text(pair.shown[0], (), 1.0), Memory())
    apart = distance(pair.before, pair.after)
    same = rewritten(apart, pair.before, pair.after, [pair.box])
    windows = holding(changed_windows(beyond(apart, same, [pair.box])), [pair.box])
    page = memo.page(digest(pair.after), pair.after, Memory())
    crop = memo.text(pair.box.cut(pair.after), lambda _: Text("anew", (), 1.0), Memory())
    is_looked_at = any(pair.box.overlaps(each) for each in (*same, *windows))
    return page is not None or crop.text != "anew" or not is_looked_at
