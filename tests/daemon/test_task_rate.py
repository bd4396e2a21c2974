"""A task's own rate: however often it is made to look, a server is asked no more than its cadence allows."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from parts.program import free_port
from parts.watched import FakeEngine, drawn, task, write_config

from foureyes.config import load_settings
from foureyes.daemon import parts
from foureyes.daemon.demand import plans_of
from foureyes.daemon.publisher import Publisher
from foureyes.daemon.steps import StepHistory
from foureyes.frames.frame import Frame
from foureyes.outputs.live import LiveEvents
from foureyes.picture import Picture
from foureyes.servers.http.clients import Clients
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.report import report_to_nobody
from foureyes.telemetry.traces import Traces
from foureyes.vision.change import Noise
from foureyes.vision.inference import Inference
from foureyes.vision.look import Encoder, Look
from foureyes.vision.task_watch import TaskWatch

Readings = asyncio.Queue[Mapping[str, Any]]

_BURST = 8
"""Two looks of three attempts and one candidate each."""
_SLOW_FPS = 0.1
_RATE_PER_S = _SLOW_FPS * _BURST / 2
_LOOKS = 20


@contextlib.asynccontextmanager
async def reading_by(engine: FakeEngine, folder: Path) -> AsyncIterator[tuple[TaskWatch, Readings, Metrics]]:
    """The only task of a slow source, wired as in a daemon, with its server ready."""
    source = {"id": "main", "kind": "obs", "port": free_port(), "fps": _SLOW_FPS}
    settings = load_settings(write_config(folder, engine, {"calm": task()}, [source]), {})
    metrics, clients = Metrics(), Clients()
    servers = parts.supervisors_of(settings, metrics, clients)
    published: Readings = asyncio.Queue()
    live = LiveEvents(dropped=metrics.dropped)
    shared = parts.Shared(
        metrics=metrics,
        clients=clients,
        tell=lambda _kind, _data: None,
        cache=parts.cache_of(settings),
        inference=Inference(Encoder(), metrics),
        publisher=Publisher(
            live, metrics, [published.put_nowait], readings_on="look", history=StepHistory(), traces=Traces()
        ),
        on_frame=lambda _frame: None,
        report=report_to_nobody,
    )
    (plan,) = plans_of(settings, settings.sources[0])
    watch = parts.task_of(plan, settings.sources[0].fps, Noise(), servers, shared)
    keeping = asyncio.create_task(servers["engine"].run())
    await servers["engine"].settled()
    reading = asyncio.create_task(watch.run())
    try:
        yield watch, published, metrics
    finally:
        for each in (reading, keeping):
            each.cancel()
        await asyncio.wait({reading, keeping})
        await clients.aclose()


def look(number: int) -> Look:
    frame = Frame(
        f"main-{number}", "main", datetime.now(UTC), time.monotonic(), Picture(pixels=drawn(str(number)))
    )
    return Look(frame, None)


async def test_a_task_that_runs_wild_is_held_to_its_own_rate(tmp_path: Path) -> None:
    """Looks far above the source's cadence are read up to a burst; the others are stale, counted, not asked."""
    withheld, began_mono_s = [], time.monotonic()
    with FakeEngine(tmp_path / "engine", ["calm"]) as engine:
        async with reading_by(engine, tmp_path) as (watch, published, metrics):
            for number in range(_LOOKS):
                watch.offer(look(number))
                async with asyncio.timeout(60):
                    withheld.append((await published.get())["withheld"])
        asked = len(engine.requests("calm"))
    stale = withheld.count({"amount": "stale", "number": "stale"})
    assert not any("stale" in each.values() for each in withheld[:_BURST])
    assert stale > 0
    assert asked == _LOOKS - stale <= _BURST + _RATE_PER_S * (time.monotonic() - began_mono_s)
    assert f'dropped_total{{reason="rate",where="task"}} {stale:.1f}'.encode() in metrics.render()[0]
