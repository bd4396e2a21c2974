"""`foureyes pause` and `foureyes resume`: the running daemon looks no more for a while, and says so everywhere."""

from __future__ import annotations

import json
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

import typer

from foureyes.cli.daemon_client import told
from foureyes.cli.options import AsJson, Config, StateDir, settings_from, span_of

SourceId = Annotated[str | None, typer.Option("--source", help="Id of one source; all of them by default.")]


def pause(
    source: SourceId = None,
    span: Annotated[
        str | None, typer.Option("--for", help="A while: 90s, 30m, 2h; until resumed by default.")
    ] = None,
    config: Config = None,
    state_dir: StateDir = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Stop looking, until `foureyes resume` or for a while; models stay warm, and a restart does not end it."""
    for_s = None if span is None else span_of(span).total_seconds()
    _tell(config, state_dir, "/api/pause", {"source": source, "for_s": for_s}, as_json=as_json)


def resume(
    source: SourceId = None, config: Config = None, state_dir: StateDir = None, *, as_json: AsJson = False
) -> None:
    """Look again."""
    _tell(config, state_dir, "/api/resume", {"source": source}, as_json=as_json)


def _tell(
    config: Path | None, state_dir: Path | None, route: str, wish: Mapping[str, Any], *, as_json: bool
) -> None:
    paused = told(settings_from(config, state_dir=state_dir).state_dir, route, wish)["sources"]
    if as_json:
        typer.echo(json.dumps(paused, indent=2, allow_nan=False))
        return
    for name, each in paused.items():
        until = f" until {each['until']}" if each["until"] else ""
        typer.echo(f"source '{name}' is paused{until}, by {each['who']} at {each['since']}")
    if not paused:
        typer.echo("every source is looked at")
