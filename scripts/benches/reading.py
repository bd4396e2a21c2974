"""How well unseen screens are read, and whether a change of one digit is ever missed."""

from __future__ import annotations

import argparse

from benches import reading_changes, reading_set
from benches.results import given, keep


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """The bench's options."""
    parser.add_argument("--small", action="store_true", help="a twentieth of everything, for a quick look")
    parser.add_argument("--screens", type=int, default=220, help="screens of each half with type of 16 to 120 px")
    parser.add_argument("--grown", type=int, default=1000, help="amounts that grow by a digit")
    parser.add_argument("--changes", type=int, default=10_000, help="changes of one digit")


def run(arguments: argparse.Namespace) -> None:
    """Measure, print, and keep the figures in scripts/results/reading.json, or reading-small.json."""
    part = 20 if arguments.small else 1
    figures = {
        "one_digit_changes": reading_changes.changes(arguments.changes // part),
        "growth": reading_changes.growth(arguments.grown // part),
        "set": reading_set.measured(arguments.screens // part),
    }
    keep("reading-small" if arguments.small else "reading", {"given": given(arguments), **figures})
