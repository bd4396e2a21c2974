"""`foureyes alerts`: what is in trouble now, what was told last, and whether a notice arrives."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Annotated, Any

import typer

from foureyes.alerts.channels.channel import Channel
from foureyes.alerts.notice import notice
from foureyes.cli.daemon_client import read
from foureyes.cli.options import AsJson, Config, StateDir, settings_from
from foureyes.daemon.alert_channels import channels_of
from foureyes.exceptions import AlertError, UsageError

app = typer.Typer(help="Alerts: what is in trouble, and whether a notice arrives.", no_args_is_help=True)

OnlyChannel = Annotated[str | None, typer.Option("--channel", help="Only this one of the configured channels.")]


@app.command("list")
def list_alerts(config: Config = None, state_dir: StateDir = None, *, as_json: AsJson = False) -> None:
    """List what the running daemon finds in trouble now, and what it told last."""
    document = read(settings_from(config, state_dir=state_dir).state_dir, "/api/alerts")
    if as_json:
        typer.echo(json.dumps(document, indent=2, ensure_ascii=False, allow_nan=False))
    else:
        typer.echo("\n".join(_lines(document)))


@app.command("test")
def send_test(config: Config = None, channel: OnlyChannel = None) -> None:
    """Send a real test notice by every channel, or by one; exit code 0 when each took it."""
    settings = settings_from(config)
    channels = _chosen(channels_of(settings.alerts, settings.mqtt), channel)
    if not asyncio.run(_sent(channels)):
        raise typer.Exit(1)


def _chosen(channels: Mapping[str, Channel], name: str | None) -> dict[str, Channel]:
    """The channels of one name, each of its urls; all by default."""
    if not channels:
        raise UsageError("no channel is configured: see alerts.channels in `foureyes config schema`")
    chosen = {key: channel for key, channel in channels.items() if name in {None, key, key.partition(".")[0]}}
    if not chosen:
        raise UsageError(f"there is no channel {name!r}; known channels: {', '.join(channels)}")
    return chosen


async def _sent(channels: Mapping[str, Channel]) -> bool:
    outcomes = await asyncio.gather(*(_tried(name, channel) for name, channel in channels.items()))
    return all(outcomes)


async def _tried(name: str, channel: Channel) -> bool:
    made = notice(
        "test",
        "test",
        "warning",
        at=datetime.now(UTC),
        since=None,
        subjects=["test"],
        title="a test of alerts",
        lines=["`foureyes alerts test` sent this; nothing is wrong."],
    )
    try:
        await channel.deliver(made.as_dict())
    except AlertError as error:
        typer.echo(f"FAIL  channel {name}: {error}")
        return False
    typer.echo(f"ok    channel {name}: a test notice was taken")
    return True


def _lines(document: Mapping[str, Any]) -> list[str]:
    active = [_active(entry) for entry in document["active"]] or ["nothing is in trouble"]
    last = [f"  {each['at']}  {each['kind']:<9}  {each['title']}" for each in document["last"]]
    channels = [_channel(name, state) for name, state in document["channels"].items()]
    return [*active, *(["told last:", *last] if last else []), *channels]


def _active(entry: Mapping[str, Any]) -> str:
    stands = "told" if entry["told"] else f"because of {entry['because']}" if entry["because"] else "not told yet"
    return f"{entry['severity']:<8}  {entry['title']}, since {entry['since']} ({stands}): {entry['reason']}"


def _channel(name: str, state: Mapping[str, Any]) -> str:
    if state["failing"] is None:
        return f"channel {name}: ok, {state['waiting']} waiting"
    return f"channel {name}: {state['waiting']} waiting, since {state['failing']}"
