"""The real engine killed and stopped under a daemon: how soon that is known, and a picture read again."""

from __future__ import annotations

import os
import random
import signal
import tempfile
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from parts.fakes.steering import FakeServer
from parts.program import wait_until

from benches.followed import FORGIVING, FPS, WITHIN_S, Followed, Mark, amounts
from benches.readings import percentile
from benches.results import verdict
from benches.shipped import shipped

KNOWN_MS, AGAIN_S, HEALED_S = 100.0, 3.0, 60.0
SECOND, SECOND_LATENCY_S = "maker/second", 0.2
LEARNED_FROM, LEAST_BUDGET_S, BUDGET_FACTOR = 4, 2.0, 4.0
"""How a request's budget is learned: four times the slowest of the last answers, two seconds at least."""
CONFIRMED_S = 1 / FPS + 2.0
SETTLED_S = 1.0

Run = dict[str, Any]


def killed(runs: int) -> dict[str, Any]:
    """SIGKILL with nothing else to read by: each time as if it were the first."""
    config = _with_engine(**FORGIVING)
    with Followed(config, amounts()) as daemon:
        found = [_kill(daemon, random.Random(number)) for number in range(runs)]  # noqa: S311 - no secret
    first_s, all_s = ([run[name] / 1000 for run in found] for name in ("first_ms", "all_ms"))
    return {
        "known_ms": _known(found),
        "reading_again_s": verdict(
            held=(percentile(first_s, 0.5) or 0) < AGAIN_S,
            promised=f"a reading again in under {AGAIN_S:g} at the median",
            measured={"the_first": _spread(first_s), "one_of_every_task": _spread(all_s)},
        ),
        "runs": found,
    }


def killed_with_second(runs: int) -> dict[str, Any]:
    """SIGKILL with a second candidate behind every task: the restart's pauses do not matter then."""
    restarts = {"degraded_after": 100, "most": 1000, "cap_s": 1}
    with (
        tempfile.TemporaryDirectory(prefix="foureyes-second-") as folder,
        FakeServer.openai(Path(folder), "plain", SECOND) as second,
    ):
        second.control(model=SECOND, delay_s=SECOND_LATENCY_S)
        config = _with_second(_with_engine(restarts=restarts), second.url)
        with Followed(config, amounts()) as daemon:
            found = [_kill(daemon, random.Random(number), fallback=True) for number in range(runs)]  # noqa: S311
    over_ms = [run["over_ms"] for run in found]
    return {
        "known_ms": _known(found),
        "reading_again_s": verdict(
            held=(percentile(over_ms, 0.5) or 0) <= 0,
            promised="within one frame period plus the candidate's latency, at the median",
            measured={
                **_spread([run["first_ms"] / 1000 for run in found]),
                "frame_period_s": round(1 / FPS, 3),
                "candidates_latency_s_p50": percentile([run["latency_ms"] / 1000 for run in found], 0.5),
                "within": sum(over <= 0 for over in over_ms),
                "of": runs,
                "most_over_ms": max(over_ms),
            },
        ),
        "runs": found,
    }


def stopped(runs: int) -> dict[str, Any]:
    """SIGSTOP while a request is under way, with the settings as they ship."""
    found: list[Run] = []
    with Followed(shipped(), amounts()) as daemon:
        began = Mark(0.0, 0, 0)
        for _ in range(runs):
            began, run = _stop(daemon, began)
            found.append(run)
    return {
        "known_s": verdict(
            held=all(run["known_s"] <= run["budget_s"] + CONFIRMED_S for run in found),
            promised=f"within the smallest budget learned for its requests, and {CONFIRMED_S:.2f} more: "
            "a frame period until there is one, and what /health has to answer once it is over",
            measured=[{name: run[name] for name in ("known_s", "budget_s", "reason")} for run in found],
        ),
        "healed_s": verdict(
            held=all(run["healed_s"] < HEALED_S for run in found),
            promised=f"under {HEALED_S:g}",
            measured=[run["healed_s"] for run in found],
        ),
        "runs": found,
    }


def _with_engine(**settings: Any) -> dict[str, Any]:
    return {**shipped(), "servers": [{"id": "engine", "kind": "engine", **settings}]}


def _with_second(config: Mapping[str, Any], url: str) -> dict[str, Any]:
    """The same with a model of another server behind each task's own."""
    second = {"id": "second", "kind": "openai", "url": url}
    return {
        **config,
        "servers": [*config["servers"], second],
        "models": {**config["models"], "second": {"server": "second", "model_id": SECOND}},
        "tasks": {name: {**task, "models": [*task["models"], "second"]} for name, task in config["tasks"].items()},
    }


def _kill(daemon: Followed, chance: random.Random, *, fallback: bool = False) -> Run:
    """Kill the engine once all is well, at any moment of a frame, and show another picture at once."""
    tasks = shipped()["tasks"]
    pid, since = daemon.ready("engine"), daemon.mark()
    daemon.screen.turn()
    for task in tasks:
        daemon.reading(task, since, fallback=False)
    time.sleep(SETTLED_S + chance.random() / FPS)
    since = daemon.mark()
    os.kill(pid, signal.SIGKILL)
    daemon.screen.turn()
    failed = daemon.event("server.state", since, server="engine", state="failed")
    read = {task: daemon.reading(task, since, fallback=fallback) for task in tasks}
    first = min(read.values(), key=lambda reading: reading["published_at"])
    read_ms = {task: since.ms_to(reading["published_at"]) for task, reading in read.items()}
    healed = daemon.event("server.healed", since, server="engine")
    states = daemon.events("server.state", since, server="engine")
    return {
        "known_ms": since.ms_to(failed["ts"]),
        "first_ms": min(read_ms.values()),
        "all_ms": max(read_ms.values()),
        "latency_ms": first["latency_ms"],
        "over_ms": round(min(read_ms.values()) - 1000 / FPS - first["latency_ms"], 1),
        "read_ms": read_ms,
        "healed_ms": since.ms_to(healed["ts"]),
        "states_ms": {line["state"]: since.ms_to(line["ts"]) for line in states},
    }


def _stop(daemon: Followed, began: Mark) -> tuple[Mark, Run]:
    """Have it answer until its budgets are learned, then stop it with requests of every task to come."""
    pid = daemon.ready("engine")
    for _ in range(LEARNED_FROM):
        _next_picture(daemon)
    budgets_s = _budgets_s(daemon, began)
    daemon.screen.turn()
    wait_until(lambda: daemon.requests("inside") > 0, WITHIN_S, "a request to be under way")
    since = daemon.mark()
    os.kill(pid, signal.SIGSTOP)
    daemon.screen.turn()
    healing = daemon.event("server.healing", since, server="engine")
    healed = daemon.event("server.healed", since, server="engine")
    return since, {
        "known_s": since.ms_to(healing["ts"]) / 1000,
        "healed_s": since.ms_to(healed["ts"]) / 1000,
        "budget_s": min(budgets_s.values()),
        "budgets_s": budgets_s,
        "reason": healing["message"],
    }


def _next_picture(daemon: Followed) -> None:
    """Show one more, and have every task read it."""
    since = daemon.mark()
    daemon.screen.turn()
    for task in shipped()["tasks"]:
        daemon.reading(task, since)


def _budgets_s(daemon: Followed, since: Mark) -> dict[str, float]:
    """By model, the budget learned from its answers since the engine was started."""
    took_ms: dict[str, list[float]] = {}
    for line in daemon.events("request.done", since, outcome="ok"):
        took_ms.setdefault(line["model"], []).append(line["duration_ms"])
    return {
        model: round(max(LEAST_BUDGET_S, BUDGET_FACTOR * max(every) / 1000), 2) for model, every in took_ms.items()
    }


def _known(found: Sequence[Run]) -> dict[str, Any]:
    known_ms = [run["known_ms"] for run in found]
    return verdict(
        held=max(known_ms) < KNOWN_MS, promised=f"under {KNOWN_MS:g}, each time", measured=_spread(known_ms)
    )


def _spread(values: Sequence[float]) -> dict[str, Any]:
    return {"p50": percentile(values, 0.5), "highest": max(values), "runs": len(values)}
