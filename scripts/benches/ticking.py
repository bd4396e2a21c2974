"""Minutes of numbers that tick in every frame, read by all four tasks: is a tick missed, and what is read late."""

from __future__ import annotations

import argparse
import tempfile
import time
from pathlib import Path

import yaml

from benches import prometheus, traces
from benches.readings import by_task, load
from benches.results import given, keep, verdict
from benches.shipped import shipped
from benches.usage import Meter
from benches.watching import Watching

FPS = 3.0
SPARE_S = 60


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this bench takes."""
    parser.add_argument("--minutes", type=float, default=10.0)


def run(arguments: argparse.Namespace) -> None:
    """Play the trace at its own pace; what is judged begins when every task has its model."""
    seconds = 60 * arguments.minutes
    with tempfile.TemporaryDirectory(prefix="foureyes-ticking-") as name:
        folder = Path(name)
        traces.record("ticking", folder / "trace", round(FPS * (seconds + SPARE_S)), 1 / FPS)
        config = folder / "foureyes.yaml"
        source = {"id": "main", "kind": "replay", "path": str(folder / "trace"), "fps": FPS}
        config.write_text(yaml.safe_dump({**shipped(), "sources": [source]}), encoding="utf-8")
        with Watching(["--config", str(config)]) as daemon:
            daemon.wait_ready()
            before = prometheus.total(daemon.metrics() or "", "missed_ticks_total")
            with Meter(daemon.groups()) as meter:
                time.sleep(seconds)  # what is measured is a stretch of time
            metrics, status = daemon.metrics() or "", daemon.status() or {}
            readings = load(daemon.readings_file)
    missed = int(prometheus.total(metrics, "missed_ticks_total") - before)
    keep(
        "ticking",
        {
            "arguments": given(arguments),
            "missed": verdict(held=missed == 0, promised="no tick missed", measured=missed),
            "frames": int(prometheus.total(metrics, "frames_total")),
            "lateness_ms": status.get("figures", {}).get("quantiles", {}).get("lateness_ms/main"),
            "tasks": by_task(readings, seconds),
            "processes": meter.figures(),
        },
    )
