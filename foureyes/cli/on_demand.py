"""Commands that are imported when they are called: what a daemon needs takes a second to load."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from importlib import import_module
from typing import Any

import typer
from typer.core import TyperGroup

_COMMANDS = {
    "run": "run:run",
    "record": "run:record",
    "analyze": "analyze:analyze",
    "evaluate": "evaluate:evaluate",
    "check": "check:check",
    "teach": "teach:teach",
    "regions": "regions:app",
    "status": "status:status",
    "pause": "pause:pause",
    "resume": "pause:resume",
    "models": "models:models",
    "engine": "engine:engine",
    "errors": "errors:app",
    "forge": "forge:app",
    "config": "configuration:app",
    "alerts": "alerts:app",
    "support": "support:support",
    "service": "service:app",
}
"""By name the module of this package, and the function or the group in it; help lists them in this order."""


class _Commands(Mapping[str, Any]):
    """Each command is imported when it is looked at; the help text looks at all of them."""

    def __getitem__(self, name: str) -> Any:
        module, _, attribute = _COMMANDS[name].partition(":")
        found = getattr(import_module(f"foureyes.cli.{module}"), attribute)
        holder = typer.Typer()
        if isinstance(found, typer.Typer):
            holder.add_typer(found, name=name)
        else:
            holder.command(name)(found)
        return typer.main.get_group(holder).commands[name]

    def __iter__(self) -> Iterator[str]:
        return iter(_COMMANDS)

    def __len__(self) -> int:
        return len(_COMMANDS)


class OnDemand(TyperGroup):
    """The group of all commands."""

    def __init__(self, **settings: Any) -> None:
        super().__init__(**{**settings, "commands": _Commands()})
