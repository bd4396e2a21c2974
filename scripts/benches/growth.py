"""What a thousand requests leave in the daemon's memory: as Python counts it, and as the kernel does."""

from __future__ import annotations

import os
import signal
import sys
import tempfile
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import psutil
from parts.fakes.steering import FakeServer
from parts.program import wait_until
from parts.watched import task

from benches import prometheus, traced
from benches.followed import WITHIN_S, Followed, numbered
from benches.results import verdict
from benches.watching import COMMAND

WARM, EVERY, FPS = 200, 200, 15.0
TRACED_MB, RESIDENT_MB = 0.5, 5.0
MODELS = {name: f"maker/{name}" for name in ("one", "two", "three", "four")}
SETTLED_S = 1.0

Held = Callable[[Followed], float]
"""How many MB a daemon holds now."""


def grown(requests: int) -> dict[str, Any]:
    """Two daemons, one after the other: to trace allocations takes memory itself."""
    with tempfile.TemporaryDirectory(prefix="foureyes-traced-") as name:
        file = Path(name) / "bytes"
        command = (sys.executable, "-P", str(Path(traced.__file__)), str(file))
        by_python = _samples(requests, lambda daemon: _traced_mb(daemon, file), command)
    by_kernel = _samples(requests, _resident_mb, COMMAND)
    return {
        "tracemalloc_mb": _verdict(by_python, TRACED_MB, requests),
        "resident_mb": _verdict(by_kernel, RESIDENT_MB, requests),
    }


def _verdict(held_mb: Mapping[int, float], bound_mb: float, requests: int) -> dict[str, Any]:
    first, *_, last = held_mb.values()
    return verdict(
        held=last - first < bound_mb,
        promised=f"under {bound_mb:g} more after {requests} requests than after {WARM} of warm-up",
        measured={"grown": round(last - first, 3), "after_requests": held_mb},
    )


def _samples(requests: int, held: Held, command: tuple[str, ...]) -> dict[int, float]:
    """What is held after the warm-up and after every few requests behind it."""
    with (
        tempfile.TemporaryDirectory(prefix="foureyes-growth-") as folder,
        FakeServer.lmstudio(Path(folder), *MODELS.values()) as fake,
        Followed(_config(fake.url), numbered(), fps=FPS, command=command) as daemon,
    ):
        daemon.ready("studio")
        samples = {}
        for goal in range(WARM, WARM + requests + 1, EVERY):
            count = _read_until(daemon, goal)
            time.sleep(SETTLED_S)  # nothing is under way any more: the screen stands still
            samples[count] = round(held(daemon), 3)
        return samples


def _config(url: str) -> dict[str, Any]:
    """Four tasks, each read by a model of its own."""
    return {
        "servers": [{"id": "studio", "kind": "lmstudio", "url": url}],
        "models": {name: {"server": "studio", "model_id": model} for name, model in MODELS.items()},
        "tasks": {f"read_{name}": task(models=[name]) for name in MODELS},
    }


def _read_until(daemon: Followed, goal: int) -> int:
    """Change the picture with every frame until so many requests were answered; return how many."""
    while (count := _answered(daemon)) < goal:
        daemon.screen.turn()
        time.sleep(1 / FPS)
    return count


def _answered(daemon: Followed) -> int:
    return int(prometheus.total(daemon.daemon.metrics() or "", "inferences_total"))


def _resident_mb(daemon: Followed) -> float:
    return float(psutil.Process(daemon.daemon.program.process.pid).memory_info().rss) / 1e6


def _traced_mb(daemon: Followed, file: Path) -> float:
    file.unlink(missing_ok=True)
    os.kill(daemon.daemon.program.process.pid, signal.SIGUSR1)
    wait_until(file.exists, WITHIN_S, "the daemon to say what it holds")
    return int(file.read_text()) / 1e6
