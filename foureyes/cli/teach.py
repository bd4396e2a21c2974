"""`foureyes teach`: labelled pictures by which the engine tells a state, kept in the state folder."""

from __future__ import annotations

import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from foureyes.cli.live_picture import picture_of
from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.config import Settings
from foureyes.exceptions import UsageError
from foureyes.schema.annotations import MOST_TAUGHT
from foureyes.schema.document import Field, fields
from foureyes.vision.taught import Example, TaughtPictures


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
        _show(_forgotten(taught, task, label, image or ""), "forgotten", as_json=as_json)
        return
    if label is None:
        raise UsageError("say which state the picture shows: `foureyes teach TASK LABEL [IMAGE]`")
    _check_may_keep(settings)
    chosen = _field(settings, task, field, label)
    pixels = picture_of(settings, source, None if image is None else Path(image))
    _show([taught.teach(task, chosen.name, label, pixels)], "taught", as_json=as_json)


def _is_asked(example: Example, task: str | None, label: str | None) -> bool:
    return task in {None, example.task} and label in {None, example.label}


def _forgotten(taught: TaughtPictures, task: str, label: str | None, digest: str) -> list[Example]:
    gone = taught.forget(task, label, digest)
    if not gone:
        raise UsageError("no such picture was taught; `foureyes teach --list` shows those that were")
    return gone


def _check_may_keep(settings: Settings) -> None:
    if settings.capture.keep_frames == "never":
        raise UsageError("capture.keep_frames is 'never' in the configuration, so no picture may be taught")


def _field(settings: Settings, task: str, name: str | None, label: str) -> Field:
    """The enum field that the label is a member of. Raises UsageError that names what there is."""
    if task not in settings.tasks:
        raise UsageError(f"no task {task!r} in the configuration; known tasks: {', '.join(settings.tasks)}")
    enums = {each.name: each for each in fields(settings.tasks[task].answer) if each.kind == "enum"}
    if not enums:
        raise UsageError(f"task '{task}' has no field with an enum, so there is no state to teach")
    if name is None and len(enums) > 1:
        raise UsageError(f"task '{task}' tells several: choose one with --field: {', '.join(enums)}")
    if (found := enums.get(name or next(iter(enums)))) is None:
        raise UsageError(f"task '{task}' has no enum field {name!r}; it has {', '.join(enums)}")
    if label not in found.members:
        members = ", ".join(found.members)
        raise UsageError(f"{label!r} is no state of field '{found.name}' of task '{task}'; its states: {members}")
    return found


def _show(examples: Sequence[Example], what: str, *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps([each.model_dump(mode="json") for each in examples], indent=2, allow_nan=False))
        return
    for each in examples:
        typer.echo(
            f"{what}  {each.task}.{each.field} = {each.label}  {each.digest}  {each.taught_at:%Y-%m-%d %H:%M}"
        )
    if not examples:
        typer.echo(f"nothing was taught; 1 to {MOST_TAUGHT} pictures a state are enough")
