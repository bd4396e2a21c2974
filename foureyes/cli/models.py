"""`foureyes models`: the configured models, and which of them the running daemon has warm."""

from __future__ import annotations

import json

import typer

from foureyes.cli.daemon_client import read
from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.config import Settings
from foureyes.config.settings import Model
from foureyes.exceptions import NotRunningError


def models(config: Config = None, state_dir: StateDir = None, *, as_json: AsJson = False) -> None:
    """List the configured models: server, id, size, target, and whether the running daemon has them warm."""
    settings = settings_from(config, state_dir=state_dir)
    warm = _warm(settings)
    rows = [
        {
            "name": name,
            **model.model_dump(exclude={"prompt"}),
            "warm": _is_warm(warm, model),
        }
        for name, model in settings.models.items()
    ]
    if as_json:
        typer.echo(json.dumps(rows, indent=2, allow_nan=False))
        return
    for row in rows:
        known = {True: "warm", False: "not loaded", None: "no daemon runs"}[row["warm"]]
        target = f"{row['latency_target_ms']:g} ms" if row["latency_target_ms"] else "-"
        served = f"{row['server']}/{row['model_id']}"
        typer.echo(f"{row['name']:<24} {served:<28} {row['size'] or '-':<12} {target:>8}  {known}")


def _warm(settings: Settings) -> dict[str, list[str]] | None:
    try:
        components = read(settings.state_dir, "/health")["components"]
    except NotRunningError:
        return None
    prefix = "server:"
    return {
        name.removeprefix(prefix): part["models"] for name, part in components.items() if name.startswith(prefix)
    }


def _is_warm(warm: dict[str, list[str]] | None, model: Model) -> bool | None:
    return None if warm is None else model.model_id in warm.get(model.server, [])
