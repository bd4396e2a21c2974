"""`foureyes evaluate`: how well the tasks' models, or others, read labelled pictures."""

from __future__ import annotations

import asyncio
import json
import sys
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Annotated

import typer

from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.config import Settings
from foureyes.daemon.evaluating import evaluated, read_by
from foureyes.evaluation.outcome import Outcome
from foureyes.evaluation.pictures import PictureOf, pictures_in
from foureyes.evaluation.score import Score
from foureyes.evaluation.table import table
from foureyes.evaluation.truth import Case, is_shown, load_truth
from foureyes.exceptions import UsageError
from foureyes.vision.taught import TaughtPictures

_EVERY_S = 2.0
_OWN = "own models"


def evaluate(
    place: Annotated[Path, typer.Argument(metavar="FOLDER|VIDEO", help="Labelled PNG or JPEG files, or a video.")],
    truth: Annotated[Path, typer.Option("--truth", metavar="FILE", help="What is to be read; see above.")],
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task; may stand several times.")
    ] = None,
    model: Annotated[
        list[str] | None,
        typer.Option(
            "--model",
            help="Read by this model of the configuration in place of the tasks' own; may stand several times.",
        ),
    ] = None,
    config: Config = None,
    state_dir: StateDir = None,
    as_json: AsJson = False,
    fail_under: Annotated[
        float | None,
        typer.Option(min=0, max=100, help="Exit 1 where a model read less of the shown values: percent."),
    ] = None,
) -> None:
    """Read labelled pictures and count: exact, wrong but published, withheld, missing; latency and CPU.

    The truth file is JSON Lines or a YAML list, one entry for each picture and task:

    {"picture": "one.png", "task": "vision_ocr", "values": {"grand": "1785.42", "mini": {"withheld": "absent"}}}

    Of a video, "at_s" (seconds) stands in place of "picture". Amounts and times are texts in quotes, as they are
    published; null is withheld for any reason. "schema" may give the answer's schema of one picture.
    """
    settings = settings_from(config, state_dir=state_dir)
    settings = TaughtPictures(settings.state_dir).applied(settings)
    cases = _chosen(load_truth(truth, _fields(settings)), settings, task or [])
    if fail_under is not None and not any(is_shown(value) for case in cases for value in case.values.values()):
        raise UsageError("the truth file shows no value, so that there is no share for --fail-under")
    used = settings.model_copy(update={"tasks": {case.task: settings.tasks[case.task] for case in cases}})
    scores = asyncio.run(_scores(_by_model(used, model or []), cases, pictures_in(place)))
    typer.echo(_json(scores) if as_json else table(scores))
    if fail_under is not None and any(score.total().exact_percent < fail_under for score in scores.values()):
        raise typer.Exit(1)


def _fields(settings: Settings) -> Mapping[str, Sequence[str]]:
    return {name: list(task.answer["properties"]) for name, task in settings.tasks.items()}


def _chosen(cases: Sequence[Case], settings: Settings, names: Sequence[str]) -> Sequence[Case]:
    if unknown := [name for name in names if name not in settings.tasks]:
        known = ", ".join(settings.tasks)
        raise UsageError(f"no task {unknown[0]!r} in the configuration; known tasks: {known}")
    chosen = [case for case in cases if not names or case.task in names]
    if not chosen:
        raise UsageError(f"the truth file has no entry of {', '.join(names)}")
    return chosen


def _by_model(settings: Settings, names: Sequence[str]) -> Mapping[str, Settings]:
    """The settings to read with, by the name that the score goes under."""
    if unknown := [name for name in names if name not in settings.models]:
        known = ", ".join(settings.models)
        raise UsageError(f"no model {unknown[0]!r} in the configuration; known models: {known}")
    return {name: read_by(settings, name) for name in names} or {_OWN: settings}


async def _scores(
    by_model: Mapping[str, Settings], cases: Sequence[Case], picture_of: PictureOf
) -> dict[str, Score]:
    """One model after the other, so that none waits for another's cores."""
    return {
        name: await evaluated(settings, cases, picture_of, _Progress(name, len(cases)).one_more)
        for name, settings in by_model.items()
    }


class _Progress:
    """Says on stderr how far it is, every two seconds."""

    def __init__(self, name: str, total: int) -> None:
        self._name, self._total, self._done = name, total, 0
        self._said_s = time.monotonic()

    def one_more(self, _: Outcome) -> None:
        self._done += 1
        if time.monotonic() - self._said_s >= _EVERY_S:
            self._said_s = time.monotonic()
            sys.stderr.write(f"{self._name}: {self._done} of {self._total}\n")


def _json(scores: Mapping[str, Score]) -> str:
    document = {name: score.as_dict() for name, score in scores.items()}
    return json.dumps(document, ensure_ascii=False, allow_nan=False)
