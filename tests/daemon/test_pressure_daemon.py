"""A machine that runs short, from outside: the daemon steps back level by level, reads on, and comes back."""

from __future__ import annotations

import contextlib
import itertools
import os
import sys
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from datetime import datetime
from pathlib import Path
from typing import Any

import httpx
import numpy as np
import psutil
import pytest
from parts.direct import DIRECT
from parts.fakes.steering import FakeServer
from parts.program import Program, wait_until
from parts.reloading import ConfigFile
from parts.serving import Serving, server, serving
from parts.watched import FakeEngine, metric, steer

from foureyes.picture import encode_png

BIG, SMALL = "maker/big", "maker/small"
WATCHED_S = 60
MODELS = {"big": {"server": "lmstudio", "model_id": BIG}, "small": {"server": "lmstudio", "model_id": SMALL}}
FROM_ENGINE = "engine:ocr"
DWELL_S = 3.0
QUICK = {"FOUREYES_RESOURCES__SAMPLE_S": "1", "FOUREYES_RESOURCES__CHECK_S": "1"}
LIMIT_MB = 185
"""A daemon that does little holds 125; reading the large picture it holds 180."""
LEVELS = ["lower_cadence", "smaller_model", "engine"]


@dataclass
class Short:
    """A daemon on a machine that has less memory than it is told to leave to others."""

    running: Serving
    studio: FakeServer
    engine: FakeEngine
    live: list[str]
    readings: list[dict[str, Any]]
    """Of one new picture after the other, from the first to the first by the engine."""

    def steps(self) -> list[dict[str, Any]]:
        return self.running.events("machine.pressure")


@pytest.fixture(scope="module")
def short(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Short]:
    folder = tmp_path_factory.mktemp("short")
    environment = {
        **QUICK,
        "FOUREYES_RESOURCES__AVAILABLE_MB": "100000000",
        "FOUREYES_RESOURCES__DWELL_S": str(DWELL_S),
    }
    with ExitStack() as undo:
        studio = undo.enter_context(FakeServer.lmstudio(folder / "studio", "--no-jit", BIG, SMALL))
        engine = undo.enter_context(FakeEngine(folder / "engine", ["ocr"]))
        servers = [server("lmstudio", studio.url), server("engine", engine.url)]
        running = undo.enter_context(serving(folder, servers, MODELS, **environment))
        running.daemon.wait_ready()
        live = first_step(running.daemon.url)
        yield Short(running, studio, engine, live, until_engine(running))


def first_step(url: str) -> list[str]:
    """The names of the live events up to the next step."""
    names = []
    with httpx.stream("GET", f"{url}/events", trust_env=False, timeout=60) as response:
        for line in response.iter_lines():
            names += [line.removeprefix("event: ")] if line.startswith("event:") else []
            if names and names[-1] == "pressure":
                break
    return names


def until_engine(running: Serving) -> list[dict[str, Any]]:
    """Show new pictures until one is read by the engine; what was read of them."""
    readings: list[dict[str, Any]] = []
    while not readings or readings[-1]["model"] != FROM_ENGINE:
        seen = len(running.readings("read"))
        running.show()
        readings.append(running.wait_reading("read", seen, origin="inferred"))
        assert len(readings) < 200
    return readings


def test_each_level_follows_the_last_after_the_dwell_time(short: Short) -> None:
    """Lower cadence, smaller model, engine: each one line of the log, and at least the dwell time between them."""
    short.running.wait_event("machine.pressure", pressure="engine")
    steps = short.steps()
    assert [step["pressure"] for step in steps] == LEVELS
    times = [datetime.fromisoformat(step["ts"]) for step in steps]
    pauses_s = [(after - before).total_seconds() for before, after in itertools.pairwise(times)]
    assert min(pauses_s) >= DWELL_S - 0.1
    assert all("MB of memory are available" in step["message"] for step in steps)


def test_readings_go_on_by_smaller_models_and_say_so(short: Short) -> None:
    """The small model, then the engine read what the best one read before, each marked as a fallback."""
    models = [reading["model"] for reading in short.readings]
    assert [name for name, _ in itertools.groupby(models)][-2:] == ["small", FROM_ENGINE]
    assert all(reading["fallback"] is (reading["model"] != "big") for reading in short.readings)


def test_what_is_not_used_is_unloaded(short: Short) -> None:
    """The big model leaves memory before the small one, and nothing is loaded at the last level."""
    wait_until(lambda: not short.studio.loaded(), 60, "both models to be unloaded")
    unloaded = [each["instance"] for each in short.studio.events("unloaded")]
    assert unloaded == [BIG, SMALL]
    assert not short.studio.unlisted()


def test_health_and_metrics_tell_of_it(short: Short) -> None:
    """The component `machine` has the reason and what was done; the daemon is degraded, and ready all the same."""
    short.running.wait_event("machine.pressure", pressure="engine")
    machine = short.running.daemon.component("machine")
    assert (machine["state"], machine["level"]) == ("degraded", "engine")
    assert machine["parked"] == [f"lmstudio/{BIG}", f"lmstudio/{SMALL}"]
    assert "memory" in machine["reason"]
    assert "engine" in machine["reason"]
    document = short.running.daemon.get("/health")
    assert document["status"] == "degraded"
    assert short.running.daemon.get("/ready")["ready"]
    url = short.running.daemon.url
    assert metric(url, "foureyes_pressure_level") == LEVELS.index("engine") + 1
    assert "pressure" in short.live


def test_the_clock_goes_on_while_tasks_look_less_often(short: Short) -> None:
    """Of the captured frames a third is offered to the task; the capture clock itself is as fast as ever."""
    short.running.wait_event("machine.pressure", pressure="engine")
    daemon = short.running.daemon
    frames, readings = daemon.frames(), len(short.running.readings("read"))
    daemon.wait(lambda: daemon.frames() - frames >= 15, "fifteen frames more", 60)
    assert 3 <= len(short.running.readings("read")) - readings <= 8


def test_status_has_the_machines_figures(short: Short) -> None:
    """Processors, memory, and each process tree are there for people and for Prometheus."""
    daemon = short.running.daemon
    daemon.wait(lambda: daemon.get("/api/status")["machine"] is not None, "a sample", 60)
    status = daemon.get("/api/status")
    machine = status["machine"]
    servers = {name: tree["rss_bytes"] for name, tree in machine["trees"].items() if name != "daemon"}
    assert status["memory"]["servers"] == servers  # one sample, not one for each who asks
    assert 0 < machine["available_bytes"] < machine["total_bytes"]
    assert 0 <= machine["others_percent"] <= machine["cpu_percent"] <= 100
    assert {"daemon", "lmstudio", "engine"} <= machine["trees"].keys()
    for name in ("machine_available_bytes", "machine_memory_bytes", "memory_limit_bytes"):
        assert metric(daemon.url, f"foureyes_{name}") > 0
    assert metric(daemon.url, "foureyes_resident_bytes", process="lmstudio") > 0


def test_a_reload_under_pressure_loads_nothing_that_is_parked(short: Short) -> None:
    """A server whose settings change begins anew without the models that the machine is too short for."""
    short.running.wait_event("machine.pressure", pressure="engine")
    wait_until(lambda: not short.studio.loaded(), 60, "both models to be unloaded")
    config = ConfigFile(short.running.daemon, short.running.daemon.state_dir.parent)
    loads = len(short.studio.requests("/api/v1/models/load"))
    said = config.reload(config.changed("servers", 0, check_s=2))
    assert "servers changed: lmstudio" in said["message"]
    assert len(short.studio.requests("/api/v1/models/load")) == loads
    seen = len(short.running.readings("read"))
    short.running.show()
    assert short.running.wait_reading("read", seen, origin="inferred")["model"] == FROM_ENGINE


def test_other_programs_that_want_the_processors_get_them_and_give_them_back(tmp_path: Path) -> None:
    """As many busy processes as processors are pressure; when they end the daemon has its normal pace again."""
    busy = [sys.executable, "-c", "while True: pass"]
    environment = {**QUICK, "FOUREYES_RESOURCES__DWELL_S": "1", "FOUREYES_RESOURCES__CPU_PERCENT": "85"}
    models = {"calm": {"server": "engine", "model_id": "calm"}}
    with (
        FakeEngine(tmp_path / "engine", ["calm"]) as engine,
        ExitStack() as burning,
        serving(tmp_path, [server("engine", engine.url)], models, **environment) as running,
    ):
        running.daemon.wait_ready()
        for number in range(os.cpu_count() or 1):
            burner = Program(busy, tmp_path / f"burner{number}.log")
            burning.callback(burner.kill)
        raised = running.wait_event("machine.pressure", pressure="lower_cadence")
        assert "other programs" in raised["message"]
        assert running.daemon.component("machine")["state"] == "degraded"
        burning.close()
        busy_percents: list[float] = []

        def is_normal_or_watched_long() -> bool:
            busy_percents.append(psutil.cpu_percent(interval=1.0))
            return bool(running.events("machine.pressure", pressure="normal")) or len(busy_percents) == WATCHED_S

        running.daemon.wait(is_normal_or_watched_long, "the end of the pressure", 2 * WATCHED_S)
        level = metric(running.daemon.url, "foureyes_pressure_level")
        assert level == 0 or not was_calm(busy_percents)  # other tests may be what keeps the processors


def was_calm(busy_percents: list[float]) -> bool:
    """Whether the machine had ten idle seconds in a row: more than all the steps back take."""
    runs = itertools.groupby(busy_percents, key=lambda busy: busy < 50)
    return any(is_idle and len(list(seconds)) >= 10 for is_idle, seconds in runs)


def test_a_daemon_that_outgrows_its_limit_says_so_and_lets_caches_go(tmp_path: Path) -> None:
    """Over 80 % is a warning, over 90 % caches are let go: each said once, and once that it is over."""
    models = {"calm": {"server": "engine", "model_id": "calm"}}
    environment = {**QUICK, "FOUREYES_RESOURCES__MEMORY_LIMIT_MB": str(LIMIT_MB)}
    with (
        FakeEngine(tmp_path / "engine", ["calm"]) as engine,
        serving(tmp_path, [server("engine", engine.url)], models, **environment) as running,
    ):
        running.daemon.wait_ready()
        engine.control("calm", hold=True, times=1)
        with large_picture(running.daemon.url):
            assert f"of its limit of {LIMIT_MB} MB" in running.wait_event("memory.high")["message"]
            assert "gained" in running.wait_event("memory.relieved")["message"]
            memory = running.daemon.component("memory")
            assert (memory["level"], memory["limit_bytes"]) == ("critical", LIMIT_MB * 1_000_000)
            sizes = len(running.events("memory.sizes"))
            running.daemon.wait(lambda: len(running.events("memory.sizes")) >= sizes + 3, "three checks more", 60)
            steer(engine.url, release=True)
        running.wait_event("memory.recovered")
        assert running.daemon.component("memory")["state"] == "ok"
        assert len(running.events("memory.high")) == len(running.events("memory.relieved")) == 1


@contextlib.contextmanager
def large_picture(url: str) -> Iterator[None]:
    """Have the daemon read 57 MB of pixels while inside."""

    def post() -> httpx.Response:
        data = encode_png(np.zeros((3800, 5000, 3), np.uint8))
        headers = {"Content-Type": "image/png"}
        return httpx.post(f"{url}/api/analyze", content=data, headers=headers, timeout=60, **DIRECT)

    with ThreadPoolExecutor(1) as threads:
        answer = threads.submit(post)
        yield
        assert answer.result().status_code == 200
