"""The labelled set through `foureyes evaluate`'s own code: both halves, and each group of type sizes, apart."""

from __future__ import annotations

import asyncio
import sys
import tempfile
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from parts.labelled import Group, Screen, labelled
from parts.labelled.folder import CONFIG, TASK, write_folder

from benches.results import verdict
from foureyes.config import Settings, load_settings
from foureyes.daemon.evaluating import evaluated
from foureyes.evaluation.outcome import Outcome
from foureyes.evaluation.pictures import pictures_in
from foureyes.evaluation.score import Score
from foureyes.evaluation.truth import load_truth
from foureyes.telemetry.log import silence

SEED = 2611
"""Not one that the reader was worked on with."""
MAIN: Group = "16-120 px"
SHARES: dict[Group, float] = {MAIN: 1.0, "12-15 px": 0.1, "200 px": 0.1, "under 12 px": 0.06}
"""Screens of a group for each one of the first."""
_ENGINES = 2
"""Side by side, each reading a share of the screens: a picture is read by itself, whoever reads it."""
WRONG_PER_1000, WITHHELD_PERCENT = 1.0, 2.0


@dataclass(frozen=True)
class Part:
    """One half and one group of the set, with its pictures' names."""

    half: str
    group: Group
    names: frozenset[str]


def measured(screens: int) -> dict[str, Any]:
    """Draw so many screens of each half with type of 16 to 120 px, and others beside; read all; count."""
    with tempfile.TemporaryDirectory(prefix="foureyes-labelled-") as name:
        folder = Path(name)
        parts = list(_drawn(folder, screens))
        score = asyncio.run(_read(folder))
    by_part = {(part.half, part.group): _score(score, part) for part in parts}
    main = Score([outcome for (_, group), each in by_part.items() if group == MAIN for outcome in each.outcomes])
    return {
        "published_wrong": _wrong(main),
        "shown_withheld": _withheld(main),
        "under_12_px": _small([each for (_, group), each in by_part.items() if group == "under 12 px"]),
        "by_half_and_group": {
            f"{half}, {group}": each.total().as_dict() for (half, group), each in by_part.items()
        },
        "latency_ms": score.latency_ms(),
        "cpu_s": score.cpu_s,
        "failures_of_the_development_half": _failures(by_part["development", MAIN]),
        "not_read": score.as_dict()["not_read"],
    }


def _drawn(folder: Path, screens: int) -> Iterator[Part]:
    """Write every part's screens, and one truth file of all."""
    drawn: list[Screen] = []
    for half in ("development", "held back"):
        for group, share in SHARES.items():
            count = max(8, round(share * screens))
            part = list(labelled(SEED, held_back=half == "held back", group=group, count=count))
            drawn += part
            yield Part(half, group, frozenset(screen.name for screen in part))
    write_folder(folder, drawn)


async def _read(folder: Path) -> Score:
    silence()
    (folder / "config.yaml").write_text(CONFIG, encoding="utf-8")
    cases = load_truth(folder / "truth.jsonl", {TASK: ()})
    done = 0

    def one_more(_: Outcome) -> None:
        nonlocal done
        done += 1
        if done % 20 == 0:
            sys.stderr.write(f"reading: {done} of {len(cases)}\n")

    async with asyncio.TaskGroup() as group:
        shares = [
            group.create_task(
                evaluated(_settings(folder, number), cases[number::_ENGINES], pictures_in(folder), one_more),
                name=f"share {number}",
            )
            for number in range(_ENGINES)
        ]
    scores = [share.result() for share in shares]
    outcomes = [outcome for score in scores for outcome in score.outcomes]
    return Score(outcomes, max(score.cpu_s or 0.0 for score in scores))  # each tells what all of them cost


def _settings(folder: Path, number: int) -> Settings:
    return load_settings(folder / "config.yaml", {"state_dir": folder / f"state-{number}"})


def _score(score: Score, part: Part) -> Score:
    return Score([outcome for outcome in score.outcomes if outcome.case.picture in part.names])


def _wrong(main: Score) -> dict[str, Any]:
    told = main.total().as_dict()
    figures = {"wrong": told["wrong"], "published": told["exact"] + told["wrong"]}
    return verdict(
        held=(told["wrong_per_1000_published"] or 0) <= WRONG_PER_1000,
        promised=f"at most {WRONG_PER_1000:g} wrong of 1,000 published values of 16 to 120 px",
        measured={"wrong_per_1000": told["wrong_per_1000_published"], **figures},
    )


def _withheld(main: Score) -> dict[str, Any]:
    told = main.total().as_dict()
    return verdict(
        held=(told["withheld_percent_of_shown"] or 0) + told["missing"] <= WITHHELD_PERCENT,
        promised=f"at most {WITHHELD_PERCENT:g} % of the shown values of 16 to 120 px withheld",
        measured={
            "withheld_percent": told["withheld_percent_of_shown"],
            **{key: told[key] for key in ("shown", "withheld", "missing")},
        },
    )


def _small(parts: Sequence[Score]) -> dict[str, Any]:
    fields = [
        (outcome.answered.withheld.get(name), outcome.answered.values.get(name))
        for part in parts
        for outcome in part.outcomes
        if outcome.answered is not None
        for name, truth in outcome.case.values.items()
        if getattr(truth, "withheld", None) == "too_small"
    ]
    published = sum(value is not None for _, value in fields)
    return verdict(
        held=published == 0,
        promised="no value under 12 px is published; it is withheld as too_small",
        measured={
            "shown": len(fields),
            "published": published,
            "too_small": sum(reason == "too_small" for reason, _ in fields),
        },
    )


def _failures(score: Score) -> list[dict[str, Any]]:
    """Of the half that a reader may be tuned on; the other one's failures are not to be looked at."""
    return [failure for outcome in score.outcomes for failure in outcome.failures()]
