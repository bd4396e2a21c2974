"""`foureyes status` and `foureyes models`: what the running daemon says of itself."""

from __future__ import annotations

import json
from typing import Any

import httpx
import typer

from foureyes.cli.credentials import headers
from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.config import Settings
from foureyes.config.settings import Model
from foureyes.daemon.state_folder import running
from foureyes.exceptions import NotRunningError


def status(config: Config = None, state_dir: StateDir = None, *, as_json: AsJson = False) -> None:
    """Show the health of the running daemon and its latest readings."""
    settings = settings_from(config, state_dir=state_dir)
    document = _fetch(settings, "/api/status")
    document["readings"] = _fetch(settings, "/api/readings")
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        typer.echo("\n".join(_lines(document)))


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
        components = _fetch(settings, "/health")["components"]
    except NotRunningError:
        return None
    prefix = "server:"
    return {
        name.removeprefix(prefix): part["models"] for name, part in components.items() if name.startswith(prefix)
    }


def _is_warm(warm: dict[str, list[str]] | None, model: Model) -> bool | None:
    return None if warm is None else model.model_id in warm.get(model.server, [])


def _fetch(settings: Settings, route: str) -> Any:
    daemon = running(settings.state_dir)
    if daemon is None:
        raise NotRunningError(f"no daemon runs in {settings.state_dir}; start one with `foureyes run`")
    try:
        proof = headers(settings.state_dir)
        return httpx.get(daemon["url"] + route, headers=proof, timeout=5, trust_env=False).json()
    except (httpx.HTTPError, ValueError) as error:
        raise NotRunningError(
            f"the daemon at {daemon['url']} (process {daemon['pid']}) does not answer: {error}; see its log"
        ) from error


def _lines(document: dict[str, Any]) -> list[str]:
    lines = [f"{document['status']}: FourEyes {document['version']}, up {document['uptime_s']:.0f} s"]
    for name, part in document["components"].items():
        reason = f" - {part['reason']}" if part.get("reason") else ""
        lines.append(f"  {name:<24} {part['state']}{reason}")
    for reading in document["readings"]:
        values = ", ".join(f"{field}={_shown(reading, field)}" for field in reading["values"])
        age_ms = reading["age_now_ms"]
        age = "never read" if age_ms is None else f"{age_ms / 1000:.1f} s old"
        lines.append(
            f"  {reading['source']}/{reading['task']}: {values} ({reading['origin'] or 'not read'}, {age})"
        )
    return lines


def _shown(reading: dict[str, Any], field: str) -> str:
    value = reading["values"][field]
    return f"({reading['withheld'].get(field, 'null')})" if value is None else str(value)
