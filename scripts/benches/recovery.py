"""Servers that are killed, stopped and crashed under a daemon, and how long it takes to read again."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from benches import engine_death, hundred_kills, studio_crash
from benches.results import given, keep

PARTS = ("killed", "second", "stopped", "studio", "hundred")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this bench takes."""
    parser.add_argument("--runs", type=int, default=15, help="kills of the engine, each with and without a second")
    parser.add_argument("--stops", type=int, default=2, help="SIGSTOPs of the engine, crashes of LM Studio")
    parser.add_argument("--kills", type=int, default=100, help="kills in a row")
    parser.add_argument("--only", choices=PARTS, help="one part alone")


def run(arguments: argparse.Namespace) -> None:
    """Do each part with a daemon of its own."""
    parts: dict[str, Callable[[], Any]] = {
        "killed": lambda: engine_death.killed(arguments.runs),
        "second": lambda: engine_death.killed_with_second(arguments.runs),
        "stopped": lambda: engine_death.stopped(arguments.stops),
        "studio": lambda: studio_crash.crashed(arguments.stops),
        "hundred": lambda: hundred_kills.in_a_row(arguments.kills),
    }
    found = {name: part() for name, part in parts.items() if arguments.only in {None, name}}
    keep("recovery", {"arguments": given(arguments), **found})
