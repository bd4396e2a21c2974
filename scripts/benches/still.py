"""A still scene in a real OBS at 1920x1080: what it costs to watch, and whether one changed digit is seen."""

from __future__ import annotations

import argparse
import random
import tempfile
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from decimal import Decimal
from pathlib import Path
from typing import Any

import cv2
import yaml
from parts.obs_studio import ObsStudio

from benches import prometheus
from benches.readings import Reading, by_task, load, moment, of_task, percentile, write_raw
from benches.results import RESULTS, given, keep, verdict
from benches.shipped import shipped
from benches.usage import Meter, tree
from benches.watching import Watching
from foureyes.frames.demo import Scene
from foureyes.frames.demo.painter import paint
from foureyes.frames.demo.scene import truth_of
from foureyes.frames.demo.story import Moment

SIZE = (1920, 1080)
FIELDS = ("grand", "major", "minor", "mini", "balance")
WARM_S, IN_TIME_S, SHORTEST_GAP_S, LONGEST_GAP_S = 15.0, 2.0, 3.0, 8.0
INPUT = "Picture"


@dataclass(frozen=True)
class Change:
    """One digit of one amount, shown from `at` on (UTC)."""

    at: datetime
    shown: Moment


def add_arguments(parser: argparse.ArgumentParser) -> None:
    """Add what this bench takes."""
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--still", type=float, default=120.0, help="seconds without any change")
    parser.add_argument("--changes", type=int, default=20)


def run(arguments: argparse.Namespace) -> None:
    """Watch the scene, first still, then with one digit changing at random moments."""
    with tempfile.TemporaryDirectory(prefix="foureyes-still-") as name, ObsStudio(*SIZE) as obs:
        folder, first = Path(name), Scene(arguments.seed, 3.0).moment(0)
        obs.show_image(_drawn(first, folder / "0.png"), name=INPUT)
        config = _config(folder, obs)
        with Watching(["--config", str(config)], {"FOUREYES_OBS_PASSWORD": obs.password}) as daemon:
            ready_s = daemon.wait_ready()
            time.sleep(WARM_S)  # the measure begins when the first readings are done
            groups = {**daemon.groups(), "obs": lambda: tree(obs.program.process.pid)}
            with Meter(groups) as quiet:
                before, began = daemon.metrics() or "", datetime.now(UTC)
                time.sleep(arguments.still)
                after, ended = daemon.metrics() or "", datetime.now(UTC)
            with Meter(groups) as busy:
                changes = list(_change(obs, first, arguments, folder))
                time.sleep(2 * IN_TIME_S)
            readings = load(daemon.readings_file)
    still = [one for one in readings if began.timestamp() <= moment(one["published_at"]) <= ended.timestamp()]
    write_raw(readings, RESULTS / "still.readings.jsonl")
    inferences = prometheus.total(after, "inferences_total") - prometheus.total(before, "inferences_total")
    keep(
        "still",
        {
            "arguments": given(arguments),
            "ready_s": round(ready_s, 2),
            "judged": _judged(still, inferences, (quiet, busy), _delays(changes, first, readings)),
            "still": {"seconds": round(quiet.seconds, 1), "processes": quiet.figures(), "inferences": inferences},
            "changing": {"seconds": round(busy.seconds, 1), "processes": busy.figures()},
            "tasks_while_still": by_task(still, arguments.still),
            "wrong_amounts": _wrong(changes, first, readings),
        },
    )


def _drawn(shown: Moment, file: Path) -> Path:
    pixels = cv2.resize(paint(shown), SIZE, interpolation=cv2.INTER_CUBIC)
    cv2.imwrite(str(file), pixels)
    return file


def _config(folder: Path, obs: ObsStudio) -> Path:
    """The shipped configuration with this OBS as its only source."""
    source = {"id": "main", "kind": "obs", "port": obs.port, "scene": "Scene", "fps": 3}
    file = folder / "foureyes.yaml"
    file.write_text(yaml.safe_dump({**shipped(), "sources": [source]}), encoding="utf-8")
    return file


def _change(obs: ObsStudio, first: Moment, arguments: argparse.Namespace, folder: Path) -> Iterator[Change]:
    """Change one digit at random moments; each change stands until the next."""
    rng, shown = random.Random(arguments.seed), first  # noqa: S311 - a bench that can be repeated
    with obs.client() as client:
        for index in range(1, arguments.changes + 1):
            time.sleep(rng.uniform(SHORTEST_GAP_S, LONGEST_GAP_S))
            shown = _one_digit_on(shown, rng)
            picture = _drawn(shown, folder / f"{index}.png")
            client.set_input_settings(INPUT, {"file": str(picture)}, True)
            yield Change(datetime.now(UTC), shown)


def _one_digit_on(shown: Moment, rng: random.Random) -> Moment:
    """Return the scene with another digit at one place of one amount; never a leading zero."""
    amounts = [*(shown.jackpots or ()), shown.balance or 0]
    which = rng.randrange(len(amounts))
    digits = list(str(amounts[which]))
    place = rng.randrange(len(digits))
    digits[place] = rng.choice([digit for digit in "123456789" if digit != digits[place]])
    amounts[which] = int("".join(digits))
    return replace(shown, jackpots=tuple(amounts[:-1]), balance=amounts[-1])


def _delays(changes: Sequence[Change], first: Moment, readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """For each change: which amount, and seconds until all five were published as shown."""
    amounts, delays, before = of_task(readings, "vision_ocr"), [], first
    for change in changes:
        field = next(name for name in FIELDS if _shown(before)[name] != _shown(change.shown)[name])
        published = (moment(one["published_at"]) for one in amounts if _is_right(one, change.shown))
        later = (at - change.at.timestamp() for at in published if at >= change.at.timestamp())
        delay = next(later, None)
        delays.append(
            {
                "field": field,
                "from": _shown(before)[field],
                "to": _shown(change.shown)[field],
                "s": None if delay is None else round(delay, 3),
            }
        )
        before = change.shown
    return delays


def _shown(moment_shown: Moment) -> dict[str, str]:
    truth = truth_of(moment_shown)
    return {name: str(getattr(truth, name)) for name in FIELDS}


def _is_right(reading: Reading, shown: Moment) -> bool:
    truth = _shown(shown)
    return all(
        reading["values"][name] is not None and Decimal(reading["values"][name]) == Decimal(truth[name])
        for name in FIELDS
    )


def _wrong(changes: Sequence[Change], first: Moment, readings: Sequence[Reading]) -> list[dict[str, Any]]:
    """Every published amount that no scene of this run has ever shown."""
    ever = [_shown(shown) for shown in (first, *(change.shown for change in changes))]
    known = {name: {Decimal(shown[name]) for shown in ever} for name in FIELDS}
    return [
        {"frame": reading["frame_id"], "field": name, "value": value}
        for reading in of_task(readings, "vision_ocr")
        for name in FIELDS
        if (value := reading["values"][name]) is not None and Decimal(value) not in known[name]
    ]


def _judged(
    still: Sequence[Reading], inferences: float, meters: Sequence[Meter], delays: list[dict[str, Any]]
) -> dict[str, Any]:
    uses = meters[0].figures()
    share = 1 - inferences / len(still) if still else 0.0
    cpu = uses["daemon"]["cpu_percent_of_a_core"] + uses["engine"]["cpu_percent_of_a_core"]
    in_time = [one for one in delays if one["s"] is not None and one["s"] <= IN_TIME_S]
    seconds = [one["s"] for one in delays if one["s"] is not None]
    return {
        "changes_seen": verdict(
            held=len(in_time) == len(delays),
            promised="each published as shown within 2 s, or no figure here counts",
            measured={
                "changes": len(delays),
                "in_time": len(in_time),
                "s_p50": percentile(seconds, 0.5),
                "all": delays,
            },
        ),
        "looks_without_inference": verdict(held=share >= 0.98, promised="0.98 or more", measured=round(share, 4)),
        "cpu_percent_daemon_and_engine": verdict(held=cpu < 4, promised="under 4", measured=round(cpu, 2)),
        "daemon_rss_mb": _memory(meters, "daemon", 150),
        "engine_rss_mb": _memory(meters, "engine", 500),
    }


def _memory(meters: Sequence[Meter], name: str, bound_mb: float) -> dict[str, Any]:
    """The highest of the whole run, changes included."""
    highest_mb = max(meter.figures()[name]["rss_mb_highest"] for meter in meters)
    return verdict(held=highest_mb < bound_mb, promised=f"under {bound_mb}", measured=highest_mb)
