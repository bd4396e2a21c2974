"""A hundred operators at once in front of one small server: POST /api/analyze, each with a picture of its own."""

from __future__ import annotations

import asyncio
import hashlib
import random
import tempfile
import time
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import numpy as np
from parts.program import wait_until
from parts.watched import FakeEngine, task

from benches.followed import Followed, numbered
from benches.readings import percentile
from benches.results import verdict
from foureyes.picture import encode_png

PRIORITIES = ("high", "normal", "low")
CLIENTS = 7
HOLD_S, ANSWER_S = 2.0, 0.02
"""So long the first request keeps the one place that operators have, and each other one takes."""


@dataclass(frozen=True)
class Visit:
    """One operator's request and what came of it."""

    priority: str
    picture: bytes
    response: httpx.Response
    took_s: float

    @property
    def is_answered(self) -> bool:
        """Whether the answer is that of its own picture, which the server tells by the number of bytes."""
        return self.response.is_success and self.response.json()[0]["values"]["number"] == len(self.picture)


def in_line(operators: int) -> dict[str, Any]:
    """One holds the place until all others wait; then all are let in by their priority."""
    with (
        tempfile.TemporaryDirectory(prefix="foureyes-crowd-") as folder,
        FakeEngine(Path(folder) / "engine", ["read"]) as engine,
        Followed(_config(engine.url), numbered()) as daemon,
    ):
        engine.control("read", echo="number")
        daemon.daemon.wait_ready()
        visits = asyncio.run(_visits(daemon, engine, operators))
        order = _order(engine, visits[1:])
    return _judged(visits, order)


def _judged(visits: Sequence[Visit], order: Sequence[str]) -> dict[str, Any]:
    answered = sum(visit.is_answered for visit in visits)
    by_priority = sorted((visit.priority for visit in visits[1:]), key=PRIORITIES.index)
    waited_s = {name: [visit.took_s for visit in visits[1:] if visit.priority == name] for name in PRIORITIES}
    return {
        "answered": verdict(
            held=answered == len(visits),
            promised=f"all {len(visits)}, each for its own picture",
            measured=answered,
        ),
        "order": verdict(
            held=list(order) == by_priority,
            promised="by priority: every high one before every normal one before every low one",
            measured={"asked_in_this_order": _runs(order)},
        ),
        "waited_s": {
            name: {"requests": len(all_s), "p50": percentile(all_s, 0.5), "highest": max(all_s, default=None)}
            for name, all_s in waited_s.items()
        },
        "statuses": sorted({visit.response.status_code for visit in visits}),
    }


def _config(url: str) -> dict[str, Any]:
    """A server that takes two requests at once: one place is the loop's, one the operators'."""
    return {
        "servers": [{"id": "engine", "kind": "engine", "url": url, "max_requests": 2}],
        "models": {"read": {"server": "engine", "model_id": "read"}},
        "tasks": {"read": task(models=["read"])},
    }


async def _visits(daemon: Followed, engine: FakeEngine, operators: int) -> list[Visit]:
    """The first one, which holds the place, and the others in the order in which they came."""
    priorities = random.Random(4).choices(PRIORITIES, k=operators - 1)  # noqa: S311 - a bench that can be repeated
    limits = httpx.Limits(max_connections=operators)
    async with httpx.AsyncClient(base_url=daemon.daemon.url, trust_env=False, timeout=60, limits=limits) as client:
        engine.control("read", delay_s=HOLD_S, times=1)
        first = asyncio.create_task(_visit(client, 0, "high"), name="the first")
        await asyncio.to_thread(_wait, daemon, "inside", 1)
        others = [
            asyncio.create_task(_visit(client, number, priority), name=f"operator {number}")
            for number, priority in enumerate(priorities, 1)
        ]
        await asyncio.to_thread(_wait, daemon, "waiting", len(others))
        engine.control("read", delay_s=ANSWER_S, times=10 * operators)
        return list(await asyncio.gather(first, *others))


async def _visit(client: httpx.AsyncClient, number: int, priority: str) -> Visit:
    picture = encode_png(np.random.default_rng(number).integers(0, 255, (8, 8 + number, 3), np.uint8))
    who = {"priority": priority, "client": f"client{number % CLIENTS}"}
    began_s = time.monotonic()
    response = await client.post(
        "/api/analyze", params=who, content=picture, headers={"Content-Type": "image/png"}
    )
    return Visit(priority, picture, response, round(time.monotonic() - began_s, 3))


def _wait(daemon: Followed, state: str, least: int) -> None:
    wait_until(lambda: daemon.requests(state) >= least, HOLD_S, f"{least} requests to be {state}")


def _order(engine: FakeEngine, visits: Sequence[Visit]) -> list[str]:
    """The priorities in the order in which the server was asked."""
    priority_of: Mapping[str, str] = {
        hashlib.sha256(visit.picture).hexdigest(): visit.priority for visit in visits
    }
    asked = [digest for request in engine.requests("read") for digest in request["pictures"]]
    return [priority_of[digest] for digest in asked if digest in priority_of]


def _runs(order: Sequence[str]) -> list[str]:
    """The order in short: "high x 30", "normal x 35" and so on."""
    runs: list[tuple[str, int]] = []
    for name in order:
        count = runs.pop()[1] if runs and runs[-1][0] == name else 0
        runs.append((name, count + 1))
    return [f"{name} x {count}" for name, count in runs]
