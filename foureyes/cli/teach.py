"""`foureyes teach`: labelled pictures by which the engine tells a state, kept in the state folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import typer

from foureyes.cli.credentials import who
from foureyes.cli.live_picture import picture_of
from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.exceptions import UsageError
from foureyes.schema.annotations import MOST_TAUGHT
from foureyes.telemetry.audit import Audit
from foureyes.vision.taught import Example, TaughtPictures
from foureyes.vision.teaching import field_to_teach


def teach(
    task: Annotated[str | None, typer.Argument(help="The task that tells the state.")] = None,
    label: Annotated[str | None, typer.Argument(help="The state: a member of the task's enum field.")] = None,
    image: Annotated[
        str | None,
        typer.Argument(
            help="PNG or JPEG file; the live picture by default. With --forget: a digest, or its begin."
        ),
    ] = None,
    field: Annotated[str | None, typer.Option("--field", help="Which field, where the task has several.")] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Id of the source; the first one by default.")
    ] = None,
    config: Config = None,
    state_dir: StateDir = None,
    *,
    listed: Annotated[bool, typer.Option("--list", help="Show what was taught.")] = False,
    forget: Annotated[bool, typer.Option("--forget", help="Forget pictures of a task, label or digest.")] = False,
    as_json: AsJson = False,
) -> None:
    """Teach a state by a picture of it: 1 to 5 pictures a state. A running daemon takes it up at its next look."""
    settings = settings_from(config, state_dir=state_dir)
    taught = TaughtPictures(settings.state_dir)
    if listed:
        _show([each for each in taught.examples() if _is_asked(each, task, label)], "taught", as_json=as_json)
        return
    if task is None:
        raise UsageError("say which task: `foureyes teach TASK LABEL [IMAGE]`; --list shows what was taught")
    if forget:
        gone = _forgotten(taught, task, label, image or "")
        Audit(settings.state_dir).record(who(), f"teach forget {task}", _documents(gone), [])
        _show(gone, "forgotten", as_json=as_json)
        return
    if label is None:
        raise UsageError("say which state the picture shows: `foureyes teach TASK LABEL [IMAGE]`")
    chosen = field_to_teach(settings, task, field, label)
    pixels = picture_of(settings, source, None if image is None else Path(image))
    learnt = [taught.teach(task, chosen.name, label, pixels)]
    Audit(settings.state_dir).record(who(), f"teach {task}", [], _documents(learnt))
    _show(learnt, "taught", as_json=as_json)


def _is_asked(example: Example, task: str | None, label: str | None) -> bool:
    return task in {None, example.task} and label in {None, example.label}


def _forgotten(taught: TaughtPictures, task: str, label: str | None, digest: str) -> list[Example]:
    gone = taught.forget(task, label, digest)
    if not gone:
        raise UsageError("no such picture was taught; `foureyes teach --list` shows those that were")
    return gone


def _documents(examples: Sequence[Example]) -> list[dict[str, Any]]:
    return [each.model_dump(mode="json") for each in examples]


def _show(examples: Sequence[Example], what: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(_documents(examples), indent=2, allow_nan=False))
        return
    for each in examples:
        typer.echo(
            f"{what}  {each.task}.{each.field} = {each.label}  {each.digest}  {each.taught_at:%Y-%m-%d %H:%M}"
        )
    if not examples:
        typer.echo(f"nothing was taught; 1 to {MOST_TAUGHT} pictures a state are enough")
