"""`foureyes check`: config, sources, servers and models; each line is ok or says what to do."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from dataclasses import asdict, dataclass
from pathlib import Path

import typer

from foureyes.cli.options import AsJson, Config, SourceText, StateDir, settings_from
from foureyes.config import SHIPPED_CONFIG, Settings
from foureyes.config.mongo import Mongo
from foureyes.config.mqtt import Mqtt
from foureyes.config.settings import Source, obs_password
from foureyes.config.triage import Triage
from foureyes.config.web import DEFAULT_WEB_PORT
from foureyes.daemon import parts
from foureyes.daemon.alert_channels import channels_of
from foureyes.daemon.state_folder import running
from foureyes.exceptions import (
    AlertError,
    BrokerError,
    ConfigError,
    FourEyesError,
    HandOverError,
    MissingExtraError,
    UsageError,
    VerificationError,
)
from foureyes.forgewright.handover.target import Target
from foureyes.forgewright.triage import targets_of
from foureyes.forgewright.verification.fixes import how_verified
from foureyes.frames.source import EndOfSource
from foureyes.frames.sources.opening import open_source
from foureyes.outputs.mqtt_broker import connected, place
from foureyes.servers.http.clients import Clients
from foureyes.servers.supervisor import Supervisor
from foureyes.telemetry.metrics import Metrics
from foureyes.web.token import read_token, token_file


@dataclass(frozen=True)
class Finding:
    """One thing that was looked at."""

    what: str
    ok: bool
    text: str


def check(
    config: Config = None, source: SourceText = None, state_dir: StateDir = None, *, as_json: AsJson = False
) -> None:
    """Look at everything that `run` needs, and say what to do where something is missing."""
    findings = asyncio.run(_findings(config, source, state_dir, as_json=as_json))
    if as_json:
        typer.echo(json.dumps([asdict(finding) for finding in findings], indent=2, allow_nan=False))
    if not all(finding.ok for finding in findings):
        raise typer.Exit(1)


async def _findings(
    config: Path | None, source: str | None, state_dir: Path | None, *, as_json: bool
) -> list[Finding]:
    findings = []
    async for finding in _look_at(config, source, state_dir):
        findings.append(finding)
        if not as_json:
            typer.echo(f"{'ok  ' if finding.ok else 'FAIL'}  {finding.what}: {finding.text}")
    return findings


async def _look_at(config: Path | None, source: str | None, state_dir: Path | None) -> AsyncIterator[Finding]:
    try:
        settings = settings_from(config, source=source, state_dir=state_dir)
    except ConfigError as error:
        yield Finding("config", ok=False, text=str(error))
        return
    yield Finding("config", ok=True, text=f"{config or SHIPPED_CONFIG}, {len(settings.tasks)} tasks")
    yield _state(settings)
    yield _web(settings)
    if settings.mongo.uri is not None:
        yield await _mongo(settings.mongo.uri.get_secret_value(), settings.mongo)
    for entry in settings.sources:
        yield await asyncio.to_thread(_source, entry)
    targets = targets_of(settings.triage)
    for target in targets:
        yield await asyncio.to_thread(_target, target)
    if targets:
        yield await asyncio.to_thread(_fixes, settings.triage)
    for finding in _alerts(settings):
        yield finding
    if settings.mqtt.host is not None:
        yield await _mqtt(settings.mqtt)
    clients = Clients()
    for name, server in parts.supervisors_of(settings, Metrics(), clients).items():
        async for finding in _server(name, server):
            yield finding
    await clients.aclose()


def _state(settings: Settings) -> Finding:
    daemon = running(settings.state_dir)
    note = f"a daemon runs here (process {daemon['pid']}, {daemon['url']})" if daemon else "no daemon runs here"
    return Finding("state", ok=True, text=f"{settings.state_dir}; {note}")


def _web(settings: Settings) -> Finding:
    """Who can ask, under which names and how often; a token that is damaged keeps a daemon from starting."""
    web, file = settings.web, token_file(settings.state_dir)
    names = ", ".join([web.host, *web.allowed_hosts])
    rate = f"{web.foreign.per_minute:,} requests a minute and {web.foreign.per_hour:,} an hour from elsewhere"
    try:
        if is_made := file.exists():
            read_token(settings.state_dir)
    except UsageError as error:
        return Finding("web", ok=False, text=str(error))
    held = f"token in {file}" if is_made else "a token is made at the first start"
    reach = "this machine alone" if web.is_loopback else "other machines too, with the token, unencrypted"
    return Finding("web", ok=True, text=f"{names}, port {web.port or DEFAULT_WEB_PORT}: {reach}; {rate}; {held}")


async def _mongo(uri: str, settings: Mongo) -> Finding:
    # only here, since `foureyes run` loads this file too and need not hold the driver
    from pymongo.errors import PyMongoError  # noqa: PLC0415

    from foureyes.errors.mongo_store import MongoStore, reason_of  # noqa: PLC0415

    try:
        store = MongoStore(uri, settings)
    except ConfigError as error:
        return Finding("mongo", ok=False, text=str(error.faults[0]))
    try:
        await store.check()
    except PyMongoError as error:
        return Finding("mongo", ok=False, text=f"faults stay in the spool until it answers: {reason_of(error)}")
    finally:
        await store.close()
    return Finding("mongo", ok=True, text=f"it answers; faults go to {settings.database}.{settings.events}")


def _source(entry: Source) -> Finding:
    try:
        found = parts.found(entry)
        opened = open_source(found.settings, obs_password=obs_password())
        try:
            picture = opened.grab()
        finally:
            opened.close()
    except (FourEyesError, EndOfSource) as error:
        return Finding(f"source {entry.id}", ok=False, text=str(error) or "it has no picture")
    size = f"{picture.width}x{picture.height}"
    why = f"; {found.why}" if found.why else ""
    return Finding(f"source {entry.id}", ok=True, text=f"{opened.description}, {size}{why}")


def _target(target: Target) -> Finding:
    try:
        text = target.check()
    except HandOverError as error:
        return Finding("triage", ok=False, text=str(error))
    return Finding("triage", ok=True, text=f"cases go to {text}")


def _alerts(settings: Settings) -> Iterator[Finding]:
    rules = settings.alerts.in_force
    yield Finding("alerts", ok=True, text=f"{len(rules)} rules: {', '.join(rules)}")
    try:
        channels = channels_of(settings.alerts, settings.mqtt)
    except MissingExtraError as error:
        yield Finding("alerts", ok=False, text=str(error))
        return
    for name, channel in channels.items():
        try:
            yield Finding(f"channel {name}", ok=True, text=f"alerts go to {channel.check()}")
        except AlertError as error:
            yield Finding(f"channel {name}", ok=False, text=str(error))


async def _mqtt(settings: Mqtt) -> Finding:
    try:
        async with connected(settings):
            text = f"the broker at {place(settings)} answers; readings and states go to {settings.topic}/..."
            return Finding("mqtt", ok=True, text=text)
    except (BrokerError, MissingExtraError) as error:
        return Finding("mqtt", ok=False, text=str(error))


def _fixes(settings: Triage) -> Finding:
    try:
        return Finding("fixes", ok=True, text=how_verified(settings))
    except VerificationError as error:
        return Finding("fixes", ok=False, text=str(error))


async def _server(name: str, server: Supervisor) -> AsyncIterator[Finding]:
    task = asyncio.create_task(server.run(), name=f"server {name}")
    await server.settled()
    snapshot = server.snapshot
    task.cancel()
    await asyncio.wait([task])
    yield Finding(f"server {name}", ok=snapshot.ready, text=snapshot.reason)
    for reason in snapshot.missing.values():
        yield Finding(f"model of {name}", ok=False, text=reason)
    for model_id in snapshot.models:
        yield Finding(f"model {name}/{model_id}", ok=True, text="loaded, answered its probe")
