"""`foureyes support`: a redacted bundle for whoever helps; what goes in is shown before it is written."""

from __future__ import annotations

import os
import zipfile
from collections.abc import Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated

import typer

from foureyes.cli.bundle import Part, parts
from foureyes.cli.options import Config, StateDir, settings_from
from foureyes.exceptions import UsageError

Output = Annotated[
    Path | None, typer.Option("--output", help="The file; foureyes-support-TIME.zip in this folder by default.")
]
Yes = Annotated[bool, typer.Option("--yes", help="Write it without asking.")]
Pictures = Annotated[bool, typer.Option("--pictures", help="With the newest picture of each source.")]


def support(
    config: Config = None,
    state_dir: StateDir = None,
    output: Output = None,
    *,
    yes: Yes = False,
    pictures: Pictures = False,
) -> None:
    """Write versions, configuration, status, last logs, metrics and faults into one file, secrets taken out."""
    found = list(parts(settings_from(config, state_dir=state_dir), with_pictures=pictures))
    file = output or Path(f"foureyes-support-{datetime.now(UTC):%Y%m%dT%H%M%SZ}.zip")
    for part in found:
        typer.echo(f"  {part.name:<22} {len(part.data):>9,} bytes  {part.what}")
    if not pictures:
        typer.echo("  no picture (--pictures puts the newest ones in)")
    typer.echo(
        "Values that were read may stand in the log. Passwords, tokens and the like are taken out of all of it."
    )
    if not yes:
        typer.confirm(f"Write it to {file}?", abort=True)
    _write(file, found)
    typer.echo(f"{file}: {file.stat().st_size:,} bytes")


def _write(file: Path, found: Sequence[Part]) -> None:
    """Write a new file that its owner alone may read."""
    try:
        descriptor = os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise UsageError(f"{file} cannot be written: {reason}; choose another with --output") from error
    with os.fdopen(descriptor, "wb") as stream, zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for part in found:
            archive.writestr(part.name, part.data)
