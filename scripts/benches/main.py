"""The command line of the benches."""

from __future__ import annotations

import argparse

from parts.program import MissingProgramError

from benches import (
    cache,
    cost,
    demo,
    engine,
    errors,
    load,
    page,
    reading,
    recovery,
    screens,
    signs,
    still,
    ticking,
)
from benches.results import RESULTS

BENCHES = (demo, still, screens, recovery, load, cache, cost, engine, errors, reading, signs, page, ticking)


def main() -> None:
    """Run the bench that the line names; print what it found, and keep it in scripts/results."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description="Measure the figures of the README.")
    commands = parser.add_subparsers(required=True)
    for bench in (
        demo,
        still,
        screens,
        recovery,
        load,
        cache,
        cost,
        engine,
        errors,
        reading,
        signs,
        page,
        ticking,
    ):
        name = bench.__name__.rpartition(".")[2]
        bench.add_arguments(command := commands.add_parser(name, help=(bench.__doc__ or "").split("\n")[0]))
        command.set_defaults(run=bench.run)
    arguments = parser.parse_args()
    RESULTS.mkdir(exist_ok=True)
    try:
        arguments.run(arguments)
    except MissingProgramError as error:
        parser.exit(1, f"scripts/bench: {error}\n")
