"""What one look costs the engine, in CPU time: each model on 1280x720, and regions of five fields."""

from __future__ import annotations

import argparse
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from itertools import count, islice
from pathlib import Path
from typing import Any

from engine.screens import At, draw
from engine.served import ServedEngine

from benches import traces
from benches.readings import percentile
from benches.results import given, keep, verdict
from benches.shipped import shipped
from foureyes.frames.demo import Scene
from foureyes.frames.demo.painter import paint
from foureyes.frames.demo.scene import truth_of
from foureyes.picture import Pixels

WARM_LOOKS = 3
FIELDS = ("credit", "wager", "bonus", "total", "limit")
REGION = (420, 250)
"""Width and height of the region of five fields, in pixels."""
_SEED = 7
_SHIPPED = ("grand", "major", "minor", "mini", "balance")
_LONGEST_PROMISED_MS = 1000.0


@dataclass(frozen=True)
class Look:
    """The newest picture and, where a task wants it, the one before; and what is to be read."""

    pictures: Sequence[Pixels]
    truth: Mapping[str, Any]


@dataclass(frozen=True)
class Case:
    """Looks of one kind: what is asked, and the promise of their p95."""

    name: str
    task: str
    looks: Callable[[], Iterator[Look]]
    promised_ms: float
    schema: Mapping[str, Any] | None = None
    """The task's own by default."""
    warm: int = WARM_LOOKS
    """Looks before those that count; none where each look is the first at its screen."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this bench takes."""
    parser.add_argument("--looks", type=int, default=100, help="of each kind; the cold ones are a tenth")


def run(arguments: argparse.Namespace) -> None:
    """Ask one engine for all of it; values that are wrong make a figure worthless, so they are counted."""
    engine = ServedEngine()
    try:
        found = {case.name: _measured(engine, case, arguments.looks) for case in CASES}
    finally:
        engine.close()
    keep("engine", {"arguments": given(arguments), "cpu_ms": found})


def _measured(engine: ServedEngine, case: Case, looks: int) -> dict[str, Any]:
    task = shipped()["tasks"][case.task]
    model = shipped()["models"][case.task]["model_id"]
    wanted = case.warm + (looks if case.warm else max(3, looks // 10))
    spent: list[float] = []
    wrong = withheld = 0
    for look in islice(case.looks(), wanted):
        before_ms = _cpu_ms(engine.process.pid)
        asked = engine.ask(model, case.schema or task["schema"], look.pictures, user=f"{case.name}/{case.task}")
        values = asked["values"]
        spent.append(_cpu_ms(engine.process.pid) - before_ms)
        missed = [name for name, truth in look.truth.items() if values[name] != truth]
        withheld += sum(values[name] is None for name in missed)
        wrong += sum(values[name] is not None for name in missed)
    counted = spent[case.warm :]
    figures = {f"p{round(100 * share)}": percentile(counted, share) for share in (0.5, 0.95, 0.99)}
    held = wrong == 0 and (figures["p95"] or 0.0) < case.promised_ms
    told = {"looks": len(counted), "first_look": round(spent[0], 1), "wrong": wrong, "withheld": withheld}
    return verdict(held=held, promised=f"p95 under {case.promised_ms:g}, none wrong", measured={**figures, **told})


def _cpu_ms(pid: int) -> float:
    """CPU time of all threads of a process; the kernel counts it in nanoseconds here, in hundredths elsewhere."""
    told = (thread / "schedstat" for thread in Path(f"/proc/{pid}/task").iterdir())
    return sum(int(file.read_text().split()[0]) for file in told) / 1e6


def _signs() -> Iterator[Look]:
    for number in count():
        yield Look([traces.ticking(number)], {"popup": False, "disconnected": False, "black": False})


def _state() -> Iterator[Look]:
    for number in count(1):
        yield Look([traces.ticking(number), traces.ticking(number - 1)], {"state": "idle"})


def _reels() -> Iterator[Look]:
    """Reels that turn and stand: each picture with the one before."""
    scene = Scene(_SEED, 3)
    for number in count(1):
        shown = [paint(scene.moment(at)) for at in (number, number - 1)]
        told = {scene.truth(at).reels for at in (number, number - 1)}
        yield Look(shown, {"reels": told.pop()} if len(told) == 1 and None not in told else {})


def _unseen() -> Iterator[Look]:
    """The same screen in another place each time: nothing that is known helps."""
    first = Scene(_SEED, 3).moment(0)
    for number in count(1):
        jackpots = tuple(cents + 137 * number for cents in first.jackpots or ())
        shown = replace(first, jackpots=jackpots, balance=(first.balance or 0) + 911 * number)
        truth = {name: getattr(truth_of(shown), name) for name in _SHIPPED}
        yield Look([_shifted(paint(shown), 3 * number, 5 * number)], truth)


def _shifted(pixels: Pixels, down: int, right: int) -> Pixels:
    moved = pixels.copy()
    moved[down:, right:] = pixels[: pixels.shape[0] - down, : pixels.shape[1] - right]
    return moved


def _region(changing: int) -> Callable[[], Iterator[Look]]:
    """Five labelled amounts, so many of which change at each look."""

    def looks() -> Iterator[Look]:
        for number in count():
            cents = [123_456 + 1_111 * row + (37 * number if row < changing else 0) for row in range(len(FIELDS))]
            amounts = {name: f"{amount / 100:.2f}" for name, amount in zip(FIELDS, cents, strict=True)}
            yield Look([draw(_rows(amounts), *REGION)], amounts)

    return looks


def _rows(amounts: Mapping[str, str]) -> Iterator[At]:
    for row, (name, amount) in enumerate(amounts.items()):
        yield At(16, 12 + 46 * row, name.capitalize())
        yield At(220, 12 + 46 * row, f"{float(amount):,.2f}")


_AMOUNT = {"type": ["string", "null"], "format": "money"}
_FIVE = {
    "type": "object",
    "properties": {name: {**_AMOUNT, "title": name.capitalize()} for name in FIELDS},
    "required": list(FIELDS),
    "additionalProperties": False,
}

CASES = (
    Case("animation", "animation_detection", _reels, 30),
    Case("signs", "error_detection", _signs, 100),
    Case("state", "vision_state", _state, 100),
    Case("ocr_region_of_five_one_changed", "vision_ocr", _region(1), 60, _FIVE),
    Case("ocr_region_of_five_all_changed", "vision_ocr", _region(5), 150, _FIVE),
    Case("ocr_cold_frame", "vision_ocr", _unseen, _LONGEST_PROMISED_MS, warm=0),
)
