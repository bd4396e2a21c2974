"""`foureyes config show|schema`: what is set, and what can be."""

from __future__ import annotations

import json

import typer
import yaml

from foureyes.cli.options import AsJson, Config, settings_from
from foureyes.config import Settings

app = typer.Typer(help="Show the configuration in force, or the schema of every setting.", no_args_is_help=True)


@app.command()
def show(config: Config = None, *, as_json: AsJson = False) -> None:
    """Print the configuration in force, defaults included."""
    document = settings_from(config).model_dump(mode="json", by_alias=True)
    if as_json:
        typer.echo(json.dumps(document, indent=2, allow_nan=False))
    else:
        typer.echo(yaml.safe_dump(document, sort_keys=False, allow_unicode=True), nl=False)


@app.command()
def schema() -> None:
    """Print the JSON Schema of the configuration file."""
    typer.echo(json.dumps(Settings.model_json_schema(by_alias=True), indent=2, allow_nan=False))
