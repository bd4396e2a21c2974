"""`foureyes teach`: labelled pictures by which the engine tells a state, kept in the state folder."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.config import Settings
from foureyes.config.settings import Source, obs_password
from foureyes.daemon import parts
from foureyes.daemon.state_folder import running
from foureyes.exceptions import NotRunningError, SourceMissingError, UsageError
from foureyes.frames.camera import Camera, painted
from foureyes.frames.region import Region
from foureyes.frames.source import EndOfSource
from foureyes.frames.sources.opening import open_source
from foureyes.picture import Pixels, decode
from foureyes.schema.annotations import MOST_TAUGHT
from foureyes.schema.document import Field, fields
from foureyes.vision.taught import Example, TaughtPictures

_TIMEOUT_S = 30.0


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
    looked_at = _source(settings, source)
    pixels = _live(settings, looked_at, source) if image is None else _from_file(Path(image), looked_at)
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


def _source(settings: Settings, name: str | None) -> Source:
    found = {source.id: source for source in settings.sources}
    if name is not None and name not in found:
        raise UsageError(f"there is no source {name!r}; known sources: {', '.join(found)}")
    return found[name or next(iter(found))]


def _from_file(file: Path, source: Source) -> Pixels:
    """A picture of a file as the source would show it: its masks are painted before anything is kept."""
    try:
        data = file.read_bytes()
    except OSError as error:
        raise UsageError(f"{file} cannot be read: {(error.strerror or str(error)).lower()}") from error
    return painted(decode(data), [Region(*mask) for mask in source.masks])


def _live(settings: Settings, source: Source, asked: str | None) -> Pixels:
    """What the running daemon sees now, by default in its first source; without one, one look at the source."""
    daemon = running(settings.state_dir)
    return asyncio.run(_one_look(source)) if daemon is None else _of_daemon(daemon, asked)


def _of_daemon(daemon: dict[str, Any], source: str | None) -> Pixels:
    params = {} if source is None else {"source": source}
    try:
        answer = httpx.get(f"{daemon['url']}/api/frame", params=params, timeout=_TIMEOUT_S, trust_env=False)
    except httpx.HTTPError as error:
        raise NotRunningError(f"the daemon at {daemon['url']} gave no picture: {error}; see its log") from error
    if not answer.is_success:
        raise UsageError(answer.json()["error"]["message"])
    return decode(answer.content)


async def _one_look(source: Source) -> Pixels:
    found = await asyncio.to_thread(parts.found, source)
    masks = [Region(*mask) for mask in source.masks]
    camera = Camera(open_source(found.settings, obs_password=obs_password()), source.id, masks)
    try:
        return (await camera.look()).picture.pixels
    except EndOfSource as error:
        raise SourceMissingError(f"source '{source.id}' has no picture") from error
    finally:
        await camera.close()


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
