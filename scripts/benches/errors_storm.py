"""Ten thousand faults within a minute in a running daemon: its memory, its documents and its looks."""

from __future__ import annotations

import json
import tempfile
import time
from collections.abc import Callable, Mapping
from functools import partial
from pathlib import Path
from typing import Any, TypeVar

import psutil
from parts.watched import FakeEngine

from benches import prometheus
from benches.errors_damage import FPS, config, damaged, source
from benches.results import verdict
from benches.watching import Watching
from foureyes.errors import queries
from foureyes.errors.room import used_bytes
from foureyes.errors.spool import Spool, spool_file

T = TypeVar("T")

FAULTS, WITHIN_S = 10_000, 60.0
FOLDERS = 6
"""At 30 looks a second each: 10,800 in a minute."""
EACH = round(FPS * WITHIN_S)
MORE_MB, SPOOL_MB = 20.0, 5.0
LEAST_FPS = 2.97


def storm() -> dict[str, Any]:
    """Look at damaged pictures for a minute, beside a source that is well; before that, at that one alone."""
    with tempfile.TemporaryDirectory(prefix="foureyes-storm-") as name:
        folder = Path(name)
        sources = [source(f"bad{at}", damaged(folder / f"bad{at}", EACH)) for at in range(FOLDERS)]
        with FakeEngine(folder / "engine", ["ocr"]) as engine:
            calm_mb = _run(folder / "calm.json", config(engine_url=engine.url), _rss_of_a_minute)
            return _run(
                folder / "storm.json", config(*sources, engine_url=engine.url), partial(_measured, calm_mb)
            )


def _run(file: Path, document: Mapping[str, Any], measure: Callable[[Watching], T]) -> T:
    file.write_text(json.dumps(document), encoding="utf-8")
    with Watching(["--config", str(file)]) as daemon:
        daemon.wait_ready()
        return measure(daemon)


def _rss_of_a_minute(daemon: Watching) -> list[float]:
    """Its resident memory, each second."""
    process, rss_mb = psutil.Process(daemon.program.process.pid), []
    ends_s = time.monotonic() + WITHIN_S
    while time.monotonic() < ends_s:
        time.sleep(1)
        rss_mb.append(_rss_mb(process))
    return rss_mb


def _measured(calm_mb: list[float], daemon: Watching) -> dict[str, Any]:
    process = psutil.Process(daemon.program.process.pid)
    began_s, before = time.monotonic(), daemon.metrics() or ""
    rss_mb = _rss_of_a_minute(daemon)
    after, seconds = daemon.metrics() or "", time.monotonic() - began_s
    time.sleep(2)  # counts wait for company, at most half a second
    with Spool(spool_file(daemon.state)) as spool:
        kept = queries.stats(spool)
        spool_mb = used_bytes(spool) / 1e6
    faults = _grown(before, after, "foureyes_faults_total")
    fps = _main(before, after, "foureyes_frames_total") / seconds
    missed = _main(before, after, "foureyes_missed_ticks_total")
    return {
        "faults": verdict(
            held=faults >= FAULTS,
            promised=f"{FAULTS:,} in {WITHIN_S:g} s",
            measured={
                "recorded": faults,
                "counted_on_disk": kept["faults"],
                "cpu_s_of_daemon": round(sum(process.cpu_times()[:2]), 1),
            },
        ),
        "memory": verdict(
            held=max(rss_mb) - max(calm_mb) < MORE_MB,
            promised=f"bounded: never {MORE_MB:g} MB more than a daemon without faults in its first minute",
            measured={"with_faults_each_5_s_mb": rss_mb[::5], "without_each_5_s_mb": calm_mb[::5]},
        ),
        "documents": verdict(
            held=spool_mb < SPOOL_MB and kept["faults"] >= faults,
            promised=f"bounded: under {SPOOL_MB:g} MB in the spool, and every fault counted",
            measured={
                "events_kept": kept["events_kept"],
                "groups": kept["groups"],
                "spool_mb": round(spool_mb, 2),
                "dropped": {labels["reason"]: value for labels, value in _dropped(after)},
            },
        ),
        "frames": verdict(
            held=fps >= LEAST_FPS,
            promised="still at 3 FPS",
            measured={"fps": round(fps, 3), "missed": missed},
        ),
    }


def _rss_mb(process: psutil.Process) -> float:
    return round(process.memory_info().rss / 1e6, 1)


def _grown(before: str, after: str, ending: str) -> int:
    return round(prometheus.total(after, ending) - prometheus.total(before, ending))


def _main(before: str, after: str, ending: str) -> int:
    def of_main(text: str) -> float:
        return sum(value for labels, value in prometheus.samples(text, ending) if labels["source"] == "main")

    return round(of_main(after) - of_main(before))


def _dropped(text: str) -> list[tuple[dict[str, str], float]]:
    return [each for each in prometheus.samples(text, "dropped_total") if each[0]["where"] == "errors"]
