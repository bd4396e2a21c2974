"""From an exception to the disk, beside what the device itself takes; and the clock's lateness meanwhile."""

from __future__ import annotations

import json
import os
import tempfile
import threading
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

from parts.faulty import raised
from parts.watched import FakeEngine, drawn

from benches import prometheus
from benches.errors_damage import config, damaged, source
from benches.readings import percentile
from benches.results import verdict
from benches.watching import Watching
from foureyes.config.settings import Errors
from foureyes.errors.recorder import FaultRecorder
from foureyes.picture import Picture, encode_png

FAULTS, PAUSE_S, DURABLE_MS = 1500, 0.01, 20.0
PAGE = b"\0" * 4096
CLOCK_S, CLOCK_FPS, ROUNDS = 20.0, 10.0, 2
LATER_MS = 1.0
"""A mean lateness that differs by less is the same: the machine's own noise is larger."""


def durable() -> dict[str, Any]:
    """Faults one after the other, each of a new group, until each is said to be on disk; then the clock."""
    with tempfile.TemporaryDirectory(prefix="foureyes-durable-") as name:
        folder = Path(name)
        alone = _recorded(folder / "alone", FAULTS, lambda _: None)
        pictures = _recorded(folder / "pictures", FAULTS // 5, _picture)
    return {
        "to_disk_ms": verdict(
            held=(alone["fault_ms"]["p99"] or 0) < DURABLE_MS,
            promised=f"p99 under {DURABLE_MS:g}, beside the device's own fsync",
            measured=alone,
        ),
        "with_a_picture_ms": verdict(
            held=(pictures["fault_ms"]["p99"] or 0) < DURABLE_MS,
            promised=f"p99 under {DURABLE_MS:g} also where a picture belongs to it",
            measured=pictures,
        ),
        "clock_ms": _clock(),
    }


def _recorded(folder: Path, number: int, picture: Callable[[int], Picture | None]) -> dict[str, Any]:
    """How long faults take until they are durable, and between them one fsync of a page each."""
    folder.mkdir()
    recorder = FaultRecorder(folder, Errors(), dropped=lambda _where, _reason: None)
    recorder.start()
    fault_ms, fsync_ms = [], []
    with (folder / "page").open("wb", buffering=0) as page:
        for index in range(number):
            fault_ms.append(_fault_ms(recorder, index, picture(index)))
            fsync_ms.append(_fsync_ms(page.fileno()))
            time.sleep(PAUSE_S)
    recorder.close()
    return {"faults": number, "fault_ms": _spread(fault_ms), "fsync_ms": _spread(fsync_ms)}


def _fault_ms(recorder: FaultRecorder, index: int, picture: Picture | None) -> float:
    """From before it is raised until it is on disk."""
    done, word = threading.Event(), "".join("ghijklmnop"[int(digit)] for digit in str(index))
    began_s = time.perf_counter()
    recorder.record(raised(ValueError(f"the value {word} is none")), "bench", picture=picture, done=done)
    if not done.wait(10):
        raise TimeoutError("a fault was not on disk within 10 s")
    return 1000 * (time.perf_counter() - began_s)


def _fsync_ms(file: int) -> float:
    began_s = time.perf_counter()
    os.write(file, PAGE)
    os.fsync(file)
    return 1000 * (time.perf_counter() - began_s)


def _picture(index: int) -> Picture:
    """A picture as sources give it: encoded, and decoded by whoever looked at it."""
    picture = Picture(encoded=encode_png(drawn(f"picture {index}")))
    _ = picture.pixels
    return picture


def _spread(values: Sequence[float]) -> dict[str, float | None]:
    shares = {"p50": 0.5, "p95": 0.95, "p99": 0.99, "highest": 1.0}
    return {name: round(percentile(values, share) or 0.0, 2) for name, share in shares.items()}


def _clock() -> dict[str, Any]:
    """The lateness of a source beside one of good pictures and beside one of damaged pictures, in turn."""
    with tempfile.TemporaryDirectory(prefix="foureyes-clock-") as name:
        rounds = [
            {"calm": _lateness(Path(name) / f"{turn}-calm", 0), "faults": _lateness(Path(name) / f"{turn}", 1)}
            for turn in range(ROUNDS)
        ]
    calm_ms, faults_ms = (min(each[kind]["mean_ms"] for each in rounds) for kind in ("calm", "faults"))
    missed = sum(each["faults"]["missed"] for each in rounds)
    return verdict(
        held=faults_ms <= calm_ms + LATER_MS and missed <= sum(each["calm"]["missed"] for each in rounds),
        promised=f"the clock's mean lateness with {CLOCK_FPS:g} faults a second is that without, within "
        f"{LATER_MS:g} ms, and no more looks are missed",
        measured={"without_ms": calm_ms, "with_ms": faults_ms, "rounds": rounds},
    )


def _lateness(folder: Path, kind: int) -> dict[str, Any]:
    """Mean lateness and missed ticks of the main source, with faults beside it (1) or good pictures (0)."""
    beside = damaged(folder / "beside", round(CLOCK_FPS * CLOCK_S * 2))
    if kind == 0:
        for file in beside.iterdir():
            file.write_bytes(encode_png(drawn(file.name)))
    with FakeEngine(folder / "engine", ["ocr"]) as engine:
        file = folder / "foureyes.json"
        beside_it = source("beside", beside, CLOCK_FPS)
        file.write_text(json.dumps(config(beside_it, engine_url=engine.url)), encoding="utf-8")
        with Watching(["--config", str(file)]) as daemon:
            daemon.wait_ready()
            before = daemon.metrics() or ""
            time.sleep(CLOCK_S)
            after = daemon.metrics() or ""
    return _between(before, after)


def _between(before: str, after: str) -> dict[str, Any]:
    seconds, ticks, missed = (
        _main(after, ending) - _main(before, ending)
        for ending in ("tick_lateness_seconds_sum", "tick_lateness_seconds_count", "missed_ticks_total")
    )
    faults = prometheus.total(after, "foureyes_faults_total") - prometheus.total(before, "foureyes_faults_total")
    return {
        "mean_ms": round(1000 * seconds / ticks, 3),
        "looks": round(ticks),
        "missed": round(missed),
        "faults": round(faults),
    }


def _main(text: str, ending: str) -> float:
    found = prometheus.samples(text, ending)
    return sum(value for labels, value in found if labels.get("source") == "main")
