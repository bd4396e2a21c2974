"""`foureyes regions suggest`: find where each field stands, and write it into the configuration file."""

from __future__ import annotations

import asyncio
import json
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Annotated

import typer

from foureyes.cli.credentials import who
from foureyes.cli.live_picture import picture_of
from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.config import SHIPPED_CONFIG, Settings
from foureyes.config.edit import diff, rewrite, with_values
from foureyes.daemon.suggesting import Suggestion, suggestions
from foureyes.exceptions import UsageError
from foureyes.picture import encode_png
from foureyes.telemetry.audit import Audit
from foureyes.vision.analysis import frame_of

app = typer.Typer(help="Find the rectangles in which fields are to be read.", no_args_is_help=True)


@app.callback()
def _regions() -> None:
    """Find the rectangles in which fields are to be read."""


@app.command()
def suggest(
    image: Annotated[Path | None, typer.Argument(help="PNG or JPEG file; the live picture by default.")] = None,
    task: Annotated[
        list[str] | None, typer.Option("--task", help="Only this task; may stand several times.")
    ] = None,
    source: Annotated[
        str | None, typer.Option("--source", help="Id of the source; the first one by default.")
    ] = None,
    config: Config = None,
    state_dir: StateDir = None,
    *,
    write: Annotated[bool, typer.Option("--write", help="Write them into the file, comments kept.")] = False,
    as_json: AsJson = False,
) -> None:
    """Find every field on a picture and print what would change in the configuration file."""
    if write and config is None:
        raise UsageError(
            f"name the file to write to with --config; begin with a copy of {SHIPPED_CONFIG}, which is not changed"
        )
    settings = _only(settings_from(config, state_dir=state_dir), task or [])
    pixels = picture_of(settings, source, image)
    sys.stderr.write("looking for every field; this takes some seconds\n")
    found = asyncio.run(suggestions(settings, frame_of(encode_png(pixels), 0)))
    _tell(found)
    before, after = _texts(config or SHIPPED_CONFIG, found)
    if as_json:
        typer.echo(json.dumps(_as_json(found), indent=2, allow_nan=False))
    else:
        typer.echo(diff(before, after, str(config or SHIPPED_CONFIG)), nl=False)
    if write and config is not None and after != before:
        rewrite(config, after)
        Audit(settings.state_dir).record(
            who(), f"regions --write {config}", None, diff(before, after, str(config))
        )
        sys.stderr.write(f"{config} is written; a running daemon takes it up with SIGHUP\n")


def _only(settings: Settings, names: Sequence[str]) -> Settings:
    if unknown := [name for name in names if name not in settings.tasks]:
        raise UsageError(f"no task {unknown[0]!r} in the configuration; known tasks: {', '.join(settings.tasks)}")
    tasks = {name: each for name, each in settings.tasks.items() if not names or name in names}
    return settings.model_copy(update={"tasks": tasks})


def _texts(file: Path, found: Sequence[Suggestion]) -> tuple[str, str]:
    before = after = file.read_text("utf-8")
    for each in found:
        rects = {name: (at.x, at.y, at.width, at.height) for name, at in each.regions.items()}
        after = with_values(after, ["tasks", each.task, "regions"], rects) if rects else after
    return before, after


def _tell(found: Sequence[Suggestion]) -> None:
    """Say what has no region, of the tasks in which anything has one."""
    for each in found:
        for field, why in each.without.items() if each.regions else ():
            sys.stderr.write(f"{each.task}.{field}: no region ({why})\n")
    if not any(each.regions for each in found):
        sys.stderr.write("no field was found on this picture; try one on which the values are shown\n")


def _as_json(found: Sequence[Suggestion]) -> dict[str, dict[str, list[float]]]:
    return {
        each.task: {name: [at.x, at.y, at.width, at.height] for name, at in each.regions.items()} for each in found
    }
