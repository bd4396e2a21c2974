"""`foureyes service`: have the daemon started and kept alive by systemd or Windows."""

from __future__ import annotations

import json
import sys
from dataclasses import asdict
from pathlib import Path
from typing import Annotated

import typer

from foureyes.cli.credentials import who
from foureyes.cli.options import AsJson, Config, settings_from
from foureyes.config import Settings
from foureyes.exceptions import UsageError
from foureyes.service.manager import ServiceManager, ServiceStatus, installed_command
from foureyes.service.scope import SYSTEM, Scope, is_root, user_scope
from foureyes.service.systemd import Systemd
from foureyes.telemetry.audit import Audit

app = typer.Typer(help="Have FourEyes started and kept alive by systemd or Windows.", no_args_is_help=True)

User = Annotated[
    bool | None,
    typer.Option(
        "--user/--system", help="Whose systemd: yours, or the system's; root takes the system's by default."
    ),
]
DryRun = Annotated[bool, typer.Option("--dry-run", help="Show what would be done, and do nothing.")]


@app.command()
def install(config: Config = None, user: User = None, *, dry_run: DryRun = False) -> None:
    """Write the service with this installation's paths, enable it and start it."""
    settings = settings_from(config)  # a service that cannot start is not installed
    command = [*installed_command(), "run", *(["--config", str(config.resolve())] if config else [])]
    if dry_run:
        typer.echo(_manager(user).preview(command))
    else:
        _manager(user).install(command)
        Audit(_state_dir(settings, user)).record(who(), "service install", None, command)


@app.command()
def uninstall(user: User = None) -> None:
    """Stop the service and remove it; what it has stored stays."""
    _manager(user).uninstall()
    Audit(_state_dir(settings_from(None), user)).record(who(), "service uninstall")


@app.command()
def status(user: User = None, *, as_json: AsJson = False) -> None:
    """Show how the service stands; exit code 1 where it does not run."""
    found = _manager(user).status()
    typer.echo(json.dumps(asdict(found), indent=2, allow_nan=False) if as_json else "\n".join(_lines(found)))
    if not found.active:
        raise typer.Exit(1)


def _manager(user: bool | None) -> ServiceManager:
    if sys.platform == "win32":
        from foureyes.service.windows import WindowsServices  # noqa: PLC0415 - pywin32 is there on Windows alone

        if user:
            raise UsageError("--user is for systemd; Windows has services of the system alone")
        return WindowsServices(say=typer.echo)
    return Systemd(_scope(user), say=typer.echo)


def _scope(user: bool | None) -> Scope:
    wanted = user if user is not None else not is_root()
    return user_scope() if wanted else SYSTEM


def _state_dir(settings: Settings, user: bool | None) -> Path:
    """The state folder of the service, whose audit file says who installed it."""
    if sys.platform == "win32" or "state_dir" in settings.model_fields_set:
        return settings.state_dir
    return _scope(user).state_dir or settings.state_dir


def _lines(found: ServiceStatus) -> list[str]:
    if not found.installed:
        return [f"not installed ({found.manager}); install it with `foureyes service install`"]
    enabled = "enabled" if found.enabled else "not enabled"
    restarts = "" if found.restarts is None else f", restarted {found.restarts} times"
    lines = [f"{found.state} ({found.manager}), {enabled}{restarts}"]
    if found.pid is not None:
        lines.append(f"  process {found.pid}: {found.text or 'it has said nothing of itself'}")
    return lines
