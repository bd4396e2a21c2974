"""`foureyes status`: what the running daemon says of itself, once or live."""

from __future__ import annotations

import contextlib
import json
import time
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console, Group
from rich.live import Live
from rich.text import Text

from foureyes.cli.board import blind, board
from foureyes.cli.daemon_client import read
from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.exceptions import NotRunningError, UsageError

_EVERY_S = 1.0

Watch = Annotated[bool, typer.Option("--watch", help="Keep it on the screen, up to date, until Ctrl-C.")]


def status(
    config: Config = None, state_dir: StateDir = None, *, watch: Watch = False, as_json: AsJson = False
) -> None:
    """Show how the running daemon and each of its parts stand, and the latest readings."""
    folder = settings_from(config, state_dir=state_dir).state_dir
    if not watch:
        _show_once(_document(folder), as_json=as_json)
        return
    with contextlib.suppress(KeyboardInterrupt):
        _print_lines(folder) if as_json else _keep_shown(folder)


def _document(folder: Path) -> dict[str, Any]:
    status = read(folder, "/api/status")
    return {**status, "readings": read(folder, "/api/readings")}


def _show_once(document: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
        return
    console = Console(highlight=False)
    for line in board(document, document["readings"]):
        console.print(line, soft_wrap=True)


def _print_lines(folder: Path) -> None:
    """One line of JSON a second; what it cannot learn is an object with the reason."""
    for found in _looks(folder):
        document = {"status": "blind", "reason": found} if isinstance(found, str) else found
        typer.echo(json.dumps(document, ensure_ascii=False, allow_nan=False))


def _keep_shown(folder: Path) -> None:
    """The same lines as once, in place; while no answer comes that is said on top, and the last ones are grey."""
    last: list[Text] = []
    since = _now()
    with Live(Text("asking the daemon"), screen=True, auto_refresh=False) as live:
        for found in _looks(folder):
            if isinstance(found, str):
                lines = [blind(found, since), *(Text(line.plain, "dim") for line in last)]
            else:
                lines = last = board(found, found["readings"])
                since = _now()
            live.update(Group(*map(_fitting, lines)), refresh=True)


def _looks(folder: Path) -> Iterator[dict[str, Any] | str]:
    """For ever, once a second: what the daemon says, or why it says nothing."""
    while True:
        try:
            yield _document(folder)
        except (NotRunningError, UsageError) as error:
            yield str(error)
        time.sleep(_EVERY_S)


def _fitting(line: Text) -> Text:
    """A line that is cut at the edge of the terminal, so that each part has one."""
    line.no_wrap, line.overflow = True, "ellipsis"
    return line


def _now() -> str:
    return f"{datetime.now(UTC):%H:%M:%S}"
