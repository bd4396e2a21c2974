"""The demo through the command line: every published amount against the scene's truth, and what a frame costs."""

from __future__ import annotations

import argparse
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from decimal import Decimal
from typing import Any

from benches import prometheus
from benches.readings import Reading, by_task, load, moment, number, of_task, percentile, write_raw
from benches.results import RESULTS, given, keep, verdict
from benches.usage import Meter
from benches.watching import Watching
from foureyes.frames.demo import Scene

FIELDS = ("grand", "major", "minor", "mini", "balance")
IN_TIME_S = 1.0
LAST_LOOK_S = 1.0
"""The daemon is asked for its figures until it ends; it must have answered within this time of the end."""


@dataclass(frozen=True)
class Change:
    """An amount that picture `n` is the first to show."""

    field: str
    n: int


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this bench takes."""
    parser.add_argument("--seed", type=int, default=1)
    parser.add_argument("--fps", type=float, default=3.0)
    parser.add_argument("--duration", type=float, default=60.0, help="seconds")


def run(arguments: argparse.Namespace) -> None:
    """Run the daemon on the demo and judge what it published."""
    source = ["--source", f"demo:{arguments.seed}", "--fps", str(arguments.fps)]
    with Watching([*source, "--duration", str(arguments.duration)]) as daemon:
        ready_s = daemon.wait_ready()
        with Meter(daemon.groups()) as meter:
            metrics, status = _until_the_end(daemon)
        code, readings, console = daemon.program.process.wait(), load(daemon.readings_file), daemon.console()
    scene = Scene(arguments.seed, arguments.fps)
    frames = int(prometheus.total(metrics, "frames_total"))
    write_raw(readings, RESULTS / "demo.readings.jsonl")
    (RESULTS / "demo.metrics.txt").write_text(metrics, encoding="utf-8")
    keep(
        "demo",
        {
            "arguments": given(arguments),
            "exit_code": code,
            "judged": _judged(readings, scene, ready_s, (metrics, status), arguments),
            "states": _agreement(readings, scene),
            "tasks": by_task(readings, arguments.duration),
            "processes": meter.figures(),
            "cpu_ms_per_frame": {
                name: round(1000 * use.cpu_s / frames, 2) for name, use in meter.uses.items() if frames
            },
            "wall_ms_per_frame_by_step": prometheus.step_ms(metrics, frames),
            "dropped": prometheus.samples(metrics, "dropped_total"),
            "quantiles": status["figures"]["quantiles"],
            "console": [line for line in console.splitlines() if "ready" in line],
        },
    )


def _until_the_end(daemon: Watching) -> tuple[str, dict[str, Any]]:
    """Return the last /metrics and /api/status before the daemon ended."""
    metrics, status, asked_s = "", {}, 0.0
    while daemon.program.running:
        answers = daemon.metrics(), daemon.status()
        if answers[0] is not None and answers[1] is not None:
            metrics, status, asked_s = answers[0], answers[1], time.monotonic()
        time.sleep(LAST_LOOK_S / 2)  # a pace, not a wait: asking costs the daemon something
    if time.monotonic() - asked_s > 5 * LAST_LOOK_S:
        raise RuntimeError("the daemon stopped answering long before its end")
    return metrics, status


def _judged(
    readings: Sequence[Reading],
    scene: Scene,
    ready_s: float,
    said: tuple[str, dict[str, Any]],
    arguments: argparse.Namespace,
) -> dict[str, Any]:
    metrics, status = said
    missed = int(prometheus.total(metrics, "missed_ticks_total"))
    lateness = status["figures"]["quantiles"]["lateness_ms/main"]
    amounts = _amounts(of_task(readings, "vision_ocr"), scene)
    delays = list(_delays(readings, scene))
    in_time = sum(delay is not None and delay <= IN_TIME_S for _, delay in delays)
    frames = 1 + max((number(reading["frame_id"]) for reading in readings), default=-1)
    wanted = round(arguments.duration * arguments.fps)
    late = [{"field": change.field, "n": change.n, "s": delay} for change, delay in delays if not _soon(delay)]
    return {
        "ready_s": verdict(held=ready_s < 5, promised="under 5", measured=round(ready_s, 2)),
        "frames": verdict(held=frames == wanted, promised=str(wanted), measured=frames),
        "missed": verdict(held=missed == 0, promised="none", measured=missed),
        "lateness_ms": verdict(held=lateness["p99"] < 10, promised="p99 under 10", measured=lateness),
        "amounts": verdict(held=amounts["wrong"] == [], promised="none wrong", measured=amounts),
        "changes": verdict(
            held=in_time >= 0.99 * len(delays),
            promised="99 % published within 1 s of the frame that first showed them",
            measured={"changes": len(delays), "in_time": in_time, "late": late, **_delay_figures(delays)},
        ),
    }


def _soon(delay: float | None) -> bool:
    return delay is not None and delay <= IN_TIME_S


def _delay_figures(delays: Sequence[tuple[Change, float | None]]) -> dict[str, float | None]:
    known = [delay for _, delay in delays if delay is not None]
    return {"delay_s_p50": percentile(known, 0.5), "delay_s_p95": percentile(known, 0.95)}


def _amounts(readings: Sequence[Reading], scene: Scene) -> dict[str, Any]:
    """Judge every published amount twice: by the picture the model saw, and by the picture that was looked at."""
    found: dict[str, Any] = {"right": 0, "rightly_null": 0, "withheld": 0, "wrong": []}
    for reading in readings:
        for field in FIELDS:
            seen = [number(reading[key]) for key in ("read_frame_id", "frame_id") if reading[key]]
            value = reading["values"][field]
            truths = {getattr(scene.truth(n), field) for n in seen}
            if value is None:
                found["rightly_null" if None in truths else "withheld"] += 1
            elif all(_same(value, truth) for truth in truths):
                found["right"] += 1
            else:
                truth = sorted(str(one) for one in truths)
                found["wrong"].append(
                    {"frame": reading["frame_id"], "field": field, "value": value, "truth": truth}
                )
    return found


def _same(value: str, truth: str | None) -> bool:
    return truth is not None and Decimal(value) == Decimal(truth)


def _changes(scene: Scene, frames: int) -> Iterator[Change]:
    for n in range(1, frames):
        before, after = scene.truth(n - 1), scene.truth(n)
        for field in FIELDS:
            if getattr(after, field) not in {None, getattr(before, field)}:
                yield Change(field, n)


def _delays(readings: Sequence[Reading], scene: Scene) -> Iterator[tuple[Change, float | None]]:
    """For each change: seconds from its first picture to the first right reading of it or a later picture."""
    captured = {number(reading["frame_id"]): moment(reading["captured_at"]) for reading in readings}
    amounts = of_task(readings, "vision_ocr")
    end_s = max(captured.values(), default=0.0) - IN_TIME_S
    for change in _changes(scene, 1 + max(captured, default=-1)):
        shown_s = captured.get(change.n)
        if shown_s is not None and shown_s <= end_s:
            yield change, _published_after(change, shown_s, amounts, scene)


def _published_after(change: Change, shown_s: float, amounts: Sequence[Reading], scene: Scene) -> float | None:
    for reading in amounts:
        n = number(reading["read_frame_id"]) if reading["read_frame_id"] else -1
        value = reading["values"][change.field]
        if n >= change.n and value is not None and _same(value, getattr(scene.truth(n), change.field)):
            return round(moment(reading["published_at"]) - shown_s, 3)
    return None


def _agreement(readings: Sequence[Reading], scene: Scene) -> dict[str, Any]:
    """How often state, reels and signs were what the picture looked at shows; what is hidden is not judged."""
    signs = ("popup", "disconnected", "error_text")
    pairs = [("vision_state", "state"), ("animation_detection", "reels")]
    pairs += [("error_detection", field) for field in signs]
    return {field: _agreed(of_task(readings, task), field, scene) for task, field in pairs}


def _agreed(readings: Sequence[Reading], field: str, scene: Scene) -> dict[str, Any]:
    """Motion is between two pictures: what the one before shows is a look behind, not wrong."""
    found: dict[str, Any] = {"right": 0, "a_look_behind": 0, "others": []}
    for reading in readings:
        n, value = number(reading["frame_id"]), reading["values"][field]
        truth, before = (getattr(scene.truth(max(0, at)), field) for at in (n, n - 1))
        if field == "reels" and truth is None:
            continue
        if value == truth:
            found["right"] += 1
        elif value == before:
            found["a_look_behind"] += 1
        else:
            found["others"].append({"frame": n, "value": value, "truth": truth})
    return found
