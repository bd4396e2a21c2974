"""What needs no inference: readings from the cache and held ones, on the demo and on three noisy traces of it."""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import yaml
from parts.program import wait_until

from benches import traces
from benches.readings import Reading, load
from benches.results import given, keep, verdict
from benches.shipped import shipped
from benches.watching import Watching

FPS = 3.0
SPARE_S = 20
"""Played while the models are loaded, and not looked at."""


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this bench takes."""
    parser.add_argument("--seconds", type=float, default=60.0, help="of each trace")


def run(arguments: argparse.Namespace) -> None:
    """Watch each with the four tasks of the shipped configuration."""
    found = {"demo": _shares(_watched({"kind": "demo", "seed": 1}, arguments.seconds))}
    for sigma in traces.SIGMAS:
        found[f"noisy-{sigma}"] = _shares(_played(f"noisy-{sigma}", arguments.seconds))
    keep("cache", {"arguments": given(arguments), "shares": found})


def _played(trace: str, seconds: float) -> list[Reading]:
    with tempfile.TemporaryDirectory(prefix="foureyes-trace-") as name:
        frames = round(FPS * (seconds + SPARE_S))
        recording = traces.record(trace, Path(name), frames, 1 / FPS)
        return _watched({"kind": "replay", "path": str(recording)}, seconds)


def _watched(source: dict[str, Any], seconds: float) -> list[Reading]:
    with tempfile.TemporaryDirectory(prefix="foureyes-cache-") as name:
        config = Path(name) / "foureyes.yaml"
        sources = [{"id": "main", "fps": FPS, **source}]
        config.write_text(yaml.safe_dump({**shipped(), "sources": sources}), encoding="utf-8")
        with Watching(["--config", str(config), "--duration", str(seconds)]) as daemon:
            wait_until(lambda: not daemon.program.running, 3 * seconds + 60, "the daemon to end")
            return load(daemon.readings_file)


def _shares(readings: Sequence[Reading]) -> dict[str, Any]:
    """Of all readings: from the cache, held because nothing changed, and inferred."""
    origins = [str(reading["origin"]) for reading in readings]
    shares = {name: round(origins.count(name) / len(origins), 3) for name in sorted(set(origins))}
    saved = sum(shares.get(name, 0.0) for name in ("cached", "held", "shared"))
    found = {"readings": len(origins), **shares, "without_inference": round(saved, 3)}
    hits = shares.get("cached", 0.0) / (1 - shares.get("held", 0.0) or 1)
    promised = "the document's cache hit rate, 30 % and 40 %, of the looks that were not held"
    return verdict(held=hits >= 0.4, promised=promised, measured={"hits": round(hits, 3), **found})
