"""What watching costs, in CPU seconds of all processes, against a plain script that reads every frame."""

from __future__ import annotations

import argparse
import json
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import yaml
from engine.served import ServedEngine
from parts.program import wait_until

from benches import plain_watcher, traces
from benches.readings import load, of_task
from benches.results import given, keep, verdict
from benches.shipped import shipped
from benches.usage import cpu_s, tree
from benches.watching import Watching
from foureyes.schema.document import needs_pair

WARM_FRAMES = 4
"""The first look at a screen is cold for both, and not what is compared."""
START_S = 60
"""What is played while the models are loaded is looked at by nobody."""
_NEARLY_ALL = 0.9
"""A second read of a field in doubt is a look more, and the tasks get their models one after the other."""
FEW_FRAMES = 12
"""Enough where each frame costs seconds."""


@dataclass(frozen=True)
class Trace:
    """What is played, how fast, how many frames count, and what is promised of the comparison.

    The pace is one that two cores keep up with: a frame that only one of the two has read is no comparison.
    """

    name: str
    fps: float
    frames: int
    promise: str
    holds: Callable[[float], bool]


TRACES = (
    Trace("still", 3.0, 120, "the plain script costs at least 50 times as much", lambda times: times >= 50),
    Trace("ticking", 1.5, 120, "the plain script costs at least 5 times as much", lambda times: times >= 5),
    Trace("moving", 0.4, 20, "at most 1.05 times the plain script", lambda times: 1 / times <= 1.05),
)


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this bench takes."""
    parser.add_argument("--trace", choices=[trace.name for trace in TRACES], action="append")


def run(arguments: argparse.Namespace) -> None:
    """Play each trace to the daemon and to the plain script, and compare CPU seconds a frame."""
    wanted = [trace for trace in TRACES if arguments.trace is None or trace.name in arguments.trace]
    keep("cost", {"arguments": given(arguments), "traces": {trace.name: _compared(trace) for trace in wanted}})


def _compared(trace: Trace) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(prefix="foureyes-cost-") as name:
        folder = Path(name)
        spare = 2 * WARM_FRAMES + round(START_S * trace.fps)
        recording = traces.record(trace.name, folder / "trace", trace.frames + spare, 1 / trace.fps)
        watched = _watched(trace, recording, folder)
        remembering = _plain(trace, recording, folder, remembering=True)
        few = replace(trace, frames=min(trace.frames, FEW_FRAMES))
        forgetful = _plain(few, recording, folder, remembering=False)
    times = remembering["cpu_ms_a_frame"] / watched["cpu_ms_a_frame"]
    return {
        "foureyes": watched,
        "plain": remembering,
        "plain_without_the_engines_memory": forgetful,
        "times_without_the_engines_memory": round(forgetful["cpu_ms_a_frame"] / watched["cpu_ms_a_frame"], 2),
        "compared": verdict(held=trace.holds(times), promised=trace.promise, measured=round(times, 2)),
    }


def _watched(trace: Trace, recording: Path, folder: Path) -> dict[str, Any]:
    """The daemon with all four tasks; every frame must have been looked at, or nothing is compared."""
    source = {"id": "main", "kind": "replay", "path": str(recording), "pace": "fast", "fps": trace.fps}
    config = folder / "foureyes.yaml"
    config.write_text(yaml.safe_dump({**shipped(), "sources": [source]}), encoding="utf-8")
    with Watching(["--config", str(config)]) as daemon:
        looks = lambda: len(of_task(load(daemon.readings_file), "vision_ocr"))  # noqa: E731
        used = lambda: cpu_s(tree(daemon.program.process.pid))  # noqa: E731
        figures = _measured(trace, looks, used)
        readings = load(daemon.readings_file)
    by_task = {task: of_task(readings, task) for task in sorted({one["task"] for one in readings})}
    _check_all_read([len(found) for found in by_task.values()])
    origins = {task: _origins(found) for task, found in by_task.items()}
    return {**figures, "origins": origins}


def _check_all_read(looks: Sequence[int]) -> None:
    if min(looks) < _NEARLY_ALL * max(looks):
        raise RuntimeError(f"a task fell behind ({min(looks)} of {max(looks)} looks): the machine is too busy")


def _origins(readings: list[dict[str, Any]]) -> dict[str, int]:
    found = [str(reading["origin"]) for reading in readings]
    return {origin: found.count(origin) for origin in sorted(set(found))}


def _plain(trace: Trace, recording: Path, folder: Path, *, remembering: bool) -> dict[str, Any]:
    """The plain script with the same engine; `remembering` leaves the engine its memory of pictures seen."""
    tasks = folder / f"tasks-{remembering}.json"
    tasks.write_text(json.dumps(_tasks(remembering=remembering)), encoding="utf-8")
    answers = folder / f"answers-{remembering}.jsonl"
    engine = ServedEngine()
    url = f"http://127.0.0.1:{engine.port}"
    line = [sys.executable, plain_watcher.__file__, url, str(tasks), str(recording), str(1 / trace.fps)]
    with answers.open("wb") as output:
        process = subprocess.Popen(line, stdout=output)
        try:
            looks = lambda: len(load(answers)) // 4  # noqa: E731
            used = lambda: cpu_s([*tree(process.pid), *tree(engine.process.pid)])  # noqa: E731
            return _measured(trace, looks, used)
        finally:
            process.kill()
            process.wait()
            engine.close()


def _tasks(*, remembering: bool) -> Mapping[str, Any]:
    models = shipped()["models"]
    memory = {} if remembering else {"x-memo-age-s": 0}
    return {
        name: {
            "model": models[name]["model_id"],
            "schema": {**task["schema"], **memory},
            "pair": needs_pair(task["schema"]),
        }
        for name, task in shipped()["tasks"].items()
    }


def _measured(trace: Trace, looks: Callable[[], int], used: Callable[[], float]) -> dict[str, Any]:
    """CPU between the frames that count, and how many of these there were."""
    longest_s = 60 + 20 * (trace.frames + WARM_FRAMES) / trace.fps
    wait_until(lambda: looks() >= WARM_FRAMES, longest_s, "the first frames to be read")
    first, before_s, began_s = looks(), used(), time.monotonic()
    wait_until(lambda: looks() >= first + trace.frames, longest_s, "all frames to be read")
    frames, spent_s = looks() - first, used() - before_s
    return {
        "frames": frames,
        "seconds": round(time.monotonic() - began_s, 1),
        "cpu_s": round(spent_s, 3),
        "cpu_ms_a_frame": round(1000 * spent_s / frames, 2),
    }
