"""The command `foureyes`: its subcommands, and every error of ours as one plain sentence with its exit code."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from foureyes import __version__
from foureyes.cli.on_demand import OnDemand
from foureyes.exceptions import ConfigError, FourEyesError, PortTakenError, StateFolderBusyError, UsageError
from foureyes.telemetry.log import silence

FAILED, MISUSED, BUSY, TAKEN = 1, 2, 3, 4

app = typer.Typer(
    name="foureyes",
    cls=OnDemand,  # the table of commands stands there
    help="Watch a screen, read it with local models, publish what was really read.",
    epilog="Exit codes: 0 done; 1 failed; 2 wrong call or configuration; 3 already running; 4 port taken; "
    "130 forced by a second Ctrl-C.",
    no_args_is_help=True,
    add_completion=False,
    pretty_exceptions_enable=False,
)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"foureyes {__version__}")
        raise typer.Exit


@app.callback()
def _root(
    _version: Annotated[
        bool, typer.Option("--version", callback=_show_version, is_eager=True, help="Show the version and exit.")
    ] = False,
) -> None:
    """Options that stand before a command."""


def main() -> None:
    """Run the command line; an error of ours is a sentence on stderr, never a traceback."""
    silence()
    try:
        app()
    except FourEyesError as error:
        sys.stderr.write(f"foureyes: {error}\n")
        sys.exit(_exit_code(error))


def _exit_code(error: FourEyesError) -> int:
    if isinstance(error, ConfigError | UsageError):
        return MISUSED
    if isinstance(error, StateFolderBusyError):
        return BUSY
    return TAKEN if isinstance(error, PortTakenError) else FAILED
