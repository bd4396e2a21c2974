"""Starts, loads, latencies, a thousand requests and a hundred operators at once."""

from __future__ import annotations

import argparse
from collections.abc import Callable
from typing import Any

from benches import crowd, growth, models
from benches.results import given, keep

PARTS = ("engine", "llama", "growth", "crowd")


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this bench takes."""
    parser.add_argument("--seconds", type=float, default=60.0, help="of reading, for the latencies of each model")
    parser.add_argument("--requests", type=int, default=1000, help="after the warm-up, for the growth of memory")
    parser.add_argument("--operators", type=int, default=100, help="at once")
    parser.add_argument("--only", choices=PARTS, help="one part alone")


def run(arguments: argparse.Namespace) -> None:
    """Do each part with a daemon of its own."""
    parts: dict[str, Callable[[], Any]] = {
        "engine": lambda: models.of_the_engine(arguments.seconds),
        "llama": lambda: models.of_a_real_llama_server(arguments.seconds / 2),
        "growth": lambda: growth.grown(arguments.requests),
        "crowd": lambda: crowd.in_line(arguments.operators),
    }
    found = {name: part() for name, part in parts.items() if arguments.only in {None, name}}
    keep("load", {"arguments": given(arguments), **found})
