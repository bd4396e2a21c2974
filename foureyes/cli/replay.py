"""`foureyes errors replay`: the picture that was kept with a fault, read by today's models and configuration."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Any

import typer

from foureyes.cli.analyze import analyze
from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.errors import queries
from foureyes.errors.pictures import PictureStore
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import UnknownFaultError

EventName = Annotated[str, typer.Argument(metavar="ID", help="An event's id, or a group's fingerprint.")]


def replay(
    name: EventName,
    config: Config = None,
    state_dir: StateDir = None,
    task: Annotated[list[str] | None, typer.Option("--task", help="Only this task; may be repeated.")] = None,
    daemon: Annotated[bool | None, typer.Option("--daemon/--no-daemon", help="As of `foureyes analyze`.")] = None,
    *,
    as_json: AsJson = False,
) -> None:
    """Read the picture that was kept with a fault as `foureyes analyze` does, by its task or by those given."""
    settings = settings_from(config, state_dir=state_dir)
    document = _event(settings.state_dir, name)
    kept_for = _context(document, "task")
    tasks = task or ([kept_for] if kept_for in settings.tasks else None)
    picture = _picture(settings.state_dir, document)
    analyze([picture], tasks, config, state_dir, daemon=daemon, as_json=as_json)


def _event(state_dir: Path, name: str) -> dict[str, Any]:
    """The event of an id, or the newest of a group that has a picture. Raises UnknownFaultError."""
    if not spool_file(state_dir).exists():
        raise UnknownFaultError(f"no fault is known as '{name}': none was ever recorded in this state folder")
    with Spool(spool_file(state_dir)) as spool:
        events = queries.events_of(spool, queries.find_group(spool, name).fingerprint)
    if not events:
        raise UnknownFaultError(f"none of the events of '{name}' is kept any more")
    named = [event for event in events if event["id"] == name]
    pictured = [event for event in events if _context(event, "frame", "digest")]
    return (named or pictured or events)[0]


def _picture(state_dir: Path, document: dict[str, Any]) -> Path:
    digest = _context(document, "frame", "digest")
    if not isinstance(digest, str):
        raise UnknownFaultError(f"no picture was kept with fault {document['id']}")
    pictures = PictureStore(spool_file(state_dir).with_name("frames"), keep_days=1, max_bytes=0)
    if (file := pictures.find(digest)) is None:
        raise UnknownFaultError(f"the picture of fault {document['id']} is not kept any more")
    return file


def _context(document: dict[str, Any], *path: str) -> Any:
    value: Any = document["context"]
    for name in path:
        value = value.get(name) if isinstance(value, dict) else None
    return value
