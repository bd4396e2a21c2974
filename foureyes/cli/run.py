"""`foureyes run` and `foureyes record`: the daemon in a terminal or under a service manager."""

from __future__ import annotations

import sys
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Annotated

import typer

from foureyes.cli.options import Config, Fps, SourceText, StateDir, settings_from
from foureyes.config import SHIPPED_CONFIG, Settings
from foureyes.daemon.daemon import Options, run_daemon
from foureyes.daemon.reloads import Load
from foureyes.daemon.setup_file import ConfigFile
from foureyes.exceptions import UsageError

Duration = Annotated[
    float | None, typer.Option("--duration", min=0.1, max=1e9, help="Seconds of watching; no end by default.")
]
Readings = Annotated[str | None, typer.Option("--readings", help="File for readings as JSON lines; - is stdout.")]
ReadingsOn = Annotated[
    str, typer.Option("--readings-on", help="look: one line a look; change: only what changed.")
]
ParentPipe = Annotated[
    bool, typer.Option("--parent-pipe", hidden=True, help="End when stdin is closed: for a parent that holds it.")
]


def run(
    config: Config = None,
    source: SourceText = None,
    fps: Fps = None,
    duration: Duration = None,
    readings: Readings = None,
    readings_on: ReadingsOn = "look",
    state_dir: StateDir = None,
    *,
    parent_pipe: ParentPipe = False,
) -> None:
    """Watch the sources and publish readings until Ctrl-C."""
    load = partial(settings_from, config, source=source, fps=fps, state_dir=state_dir)
    file = ConfigFile(config or SHIPPED_CONFIG, lambda text: load(text=text))
    options = _options(file, duration, readings, readings_on, record=None)
    _run(load, replace(options, parent_pipe=parent_pipe))


def record(
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="An empty or new folder for frames and readings.")],
    config: Config = None,
    source: SourceText = None,
    fps: Fps = None,
    duration: Duration = None,
    state_dir: StateDir = None,
) -> None:
    """Watch like `run` and keep frames and readings in DIR; replay it with --source replay:DIR."""
    load = partial(settings_from, config, source=source, fps=fps, state_dir=state_dir)
    file = ConfigFile(config or SHIPPED_CONFIG, lambda text: _recordable(load(text=text)))
    _run(lambda: _recordable(load()), _options(file, duration, None, "look", record=folder))


def _recordable(settings: Settings) -> Settings:
    if settings.capture.keep_frames == "never":
        raise UsageError("capture.keep_frames is 'never' in the configuration, so nothing may be recorded")
    return settings


def _options(
    file: ConfigFile, duration: float | None, readings: str | None, readings_on: str, record: Path | None
) -> Options:
    if readings_on not in {"look", "change"}:
        raise UsageError(f"--readings-on is 'look' or 'change', not {readings_on!r}")
    return Options(
        config=file,
        duration_s=duration,
        readings=Path(readings) if readings else None,
        readings_on="change" if readings_on == "change" else "look",
        record=record,
    )


def _run(load: Load, options: Options) -> None:
    run_daemon(load, options)
    sys.stdout.flush()
