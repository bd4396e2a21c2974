"""Faults: how soon they are durable, what a storm of them costs, and what becomes of them, kills and all."""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from benches import (
    errors_durable,
    errors_kills,
    errors_list,
    errors_mongo,
    errors_reproduction,
    errors_seeded,
    errors_storm,
)
from benches.results import RESULTS, keep

PARTS: dict[str, Callable[[], Any]] = {
    "durable": errors_durable.durable,
    "storm": errors_storm.storm,
    "mongo": errors_mongo.away,
    "kills": errors_kills.killed,
    "reproduction": errors_reproduction.reproduced,
    "seeded": errors_seeded.seeded,
    "list": errors_list.listed,
}


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this bench takes."""
    choices = (*PARTS, [])  # argparse takes no part at all for a choice, too
    text = f"of {', '.join(PARTS)}; all by default"
    parser.add_argument("parts", nargs="*", choices=choices, metavar="PART", help=text)


def run(arguments: argparse.Namespace) -> None:
    """Do the parts that are wanted, and keep each as soon as it is there; the others stay as they were."""
    for name in arguments.parts or PARTS:
        busy = os.getloadavg()[0]
        part = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "load_before": busy, **PARTS[name]()}
        found = {**_kept(), name: part}
        keep("errors", {each: found[each] for each in PARTS if each in found})


def _kept() -> dict[str, Any]:
    """What was found last, of every part."""
    file = RESULTS / "errors.json"
    return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {}
