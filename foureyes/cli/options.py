"""Options that several commands share, and how they become settings."""

from __future__ import annotations

import re
from datetime import timedelta
from pathlib import Path
from typing import Annotated, Any

import typer

from foureyes.config import Settings, load_settings
from foureyes.exceptions import UsageError
from foureyes.frames.sources.grammar import parse_source

_UNITS_S = {"s": 1, "m": 60, "h": 3600, "d": 86_400}

Config = Annotated[
    Path | None, typer.Option("--config", envvar="FOUREYES_CONFIG", help="YAML file; the shipped one by default.")
]
SourceText = Annotated[
    str | None,
    typer.Option(
        "--source",
        help="Replaces the configured sources: auto, obs[:NAME], screen[:N|:X,Y,W,H], video:FILE, images:FOLDER, "
        "replay:DIR, demo[:SEED].",
    ),
]
Fps = Annotated[float | None, typer.Option("--fps", min=0.1, max=30, help="Looks a second, for every source.")]
StateDir = Annotated[Path | None, typer.Option("--state-dir", help="Where lock, logs and the rest are kept.")]
AsJson = Annotated[bool, typer.Option("--json", help="For scripts: JSON instead of text.")]


def settings_from(
    config: Path | None,
    *,
    source: str | None = None,
    fps: float | None = None,
    state_dir: Path | None = None,
    text: str | None = None,
) -> Settings:
    """Load the configuration, or `text` in its file's place, with what the command line says on top.

    Raises ConfigError or UsageError.
    """
    overrides: dict[str, Any] = {}
    if source is not None:
        overrides["sources"] = [parse_source(source)]
    if state_dir is not None:
        overrides["state_dir"] = state_dir
    settings = load_settings(config, overrides, text)
    if fps is None:
        return settings
    return settings.model_copy(
        update={"sources": [source.model_copy(update={"fps": fps}) for source in settings.sources]}
    )


def span_of(text: str) -> timedelta:
    """A span of time as people write it. Raises UsageError."""
    found = re.fullmatch(r"(\d{1,6})([smhd])", text)
    if found is None:
        raise UsageError(f"'{text}' is no span of time; write 90s, 30m, 2h or 7d")
    return timedelta(seconds=int(found[1]) * _UNITS_S[found[2]])
