"""Troubles that come together, at a bad moment, or again and again: what the supervisor makes of them."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Iterator
from dataclasses import replace
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
from parts.fakes.steering import FakeServer
from parts.hand_clock import HandClock
from parts.program import free_port
from parts.server_kinds import SEEN, SMALL_PICTURE
from parts.supervised import Run, attached, running
from parts.watched import FakeEngine

from foureyes.config.settings import AutoServer, LmStudioServer, OpenAiServer, Recycling, Restarts, Server
from foureyes.exceptions import ModelCrashedError, ModelMissingError
from foureyes.servers.http.clients import Clients
from foureyes.servers.launch import launch_for
from foureyes.servers.server import ChatRequest
from foureyes.servers.state import ServerState
from foureyes.servers.supervisor import Launch
from foureyes.telemetry.log import also_told
from foureyes.telemetry.metrics import Metrics
from foureyes.vision.combine import Combiner

ONE, TWO = "maker/one", "maker/two"


@pytest.fixture
def fake(tmp_path: Path) -> Iterator[FakeServer]:
    """LM Studio with two models, which loads nothing by itself."""
    with FakeServer.lmstudio(tmp_path / "lm", "--no-jit", ONE, TWO) as fake:
        yield fake


@pytest.fixture
def told() -> Iterator[list[str]]:
    """The names of the events that were logged."""
    names: list[str] = []
    with also_told(lambda message: names.append(message.record["extra"].get("event", ""))):
        yield names


def launch(settings: Server) -> Launch:
    return launch_for(settings, Clients(), Metrics().dropped)


def studio(fake: FakeServer, **other: Any) -> Run:
    settings = LmStudioServer(id="tiny", kind="lmstudio", url=fake.url, token_env=None)
    return Run(launch(settings), models=(ONE, TWO), **other)


def question(model_id: str) -> ChatRequest:
    return ChatRequest(model_id=model_id, prompt="?", schema=SEEN, pictures=(SMALL_PICTURE,), timeout_s=20)


def loads(fake: FakeServer, model_id: str) -> int:
    return sum(each["body"]["model"] == model_id for each in fake.requests("/api/v1/models/load"))


async def crash(run: Run, fake: FakeServer, model_id: str) -> None:
    fake.control(model=model_id, fail="crash", times=1)
    with pytest.raises(ModelCrashedError):
        await run.supervisor.chat(question(model_id))


async def test_a_token_that_is_refused_before_the_kind_is_known_is_asked_for_now_and_then(tmp_path: Path) -> None:
    """401 to the very first question is no reason to hurry, nor to restart; ready once the token is taken."""
    with FakeServer.llama(tmp_path / "llama", "--token", "right", "--model-path", "/models/m.gguf") as fake:
        run, failed_s = Run(launch(AutoServer(id="tiny", kind="auto", url=fake.url)), check_s=1), []
        run.on_change = lambda snapshot: (
            failed_s.append(time.monotonic()) if snapshot.state is ServerState.FAILED else None
        )
        async with running(run):
            await run.until(lambda: len(failed_s) == 3, "it is asked again")
            assert all(later - earlier >= 1 for earlier, later in pairwise(failed_s))
            assert run.supervisor.snapshot.restarts == 0
            fake.control(settings={"token": None})
            await run.until_ready()


class Faulty:
    """A launch with a fault of ours."""

    can_overlap = owns_process = only_asks = False

    async def start(self, failures: int) -> Any:
        raise RuntimeError(f"start {failures}")


async def test_a_fault_of_ours_counts_as_a_failure() -> None:
    """What fails by our own fault is tried again as seldom as what fails by itself."""
    run = Run(Faulty(), restarts=Restarts(degraded_after=1))
    async with running(run):
        await run.until(lambda: ServerState.DEGRADED in run.states, "it is left in peace")
    assert run.states.count(ServerState.FAILED) == 2


async def test_somebody_elses_server_that_is_long_away_is_asked_for_at_each_check() -> None:
    """To ask whether it is back costs nothing: no pause is longer than the time between two checks."""
    away = OpenAiServer(id="tiny", kind="openai", url=f"http://127.0.0.1:{free_port()}")
    async with running(Run(launch(away), check_s=1)) as run:
        await run.until(lambda: run.states.count(ServerState.STARTING) == 8, "it is asked for again and again")
        assert ServerState.DEGRADED in run.states


async def test_two_models_that_crash_are_each_loaded_again(fake: FakeServer) -> None:
    """A reload of one model is no reason to restart the server for the next one."""
    async with running(studio(fake)) as run:
        await run.until_ready()
        for model_id in (ONE, TWO):
            await crash(run, fake, model_id)
            await run.until(lambda model=model_id: loads(fake, model) == 2, "it is loaded again")
            await run.until(lambda model=model_id: model in run.supervisor.snapshot.models, "it answers again")
        assert run.supervisor.snapshot.restarts == 0


async def test_r22_nothing_is_healed_while_a_model_that_crashed_stays_away(
    fake: FakeServer, told: list[str]
) -> None:
    """R22: neither reload nor restart brought it back, so nobody says so; it comes later, and then it is."""
    clock = HandClock()
    async with running(studio(fake, now=clock, check_s=1)) as run:
        await run.until_ready()
        fake.control(model=ONE, on="load", fail="crash")
        await crash(run, fake, ONE)
        await run.until(lambda: run.states.count(ServerState.READY) == 2, "restarted")
        assert run.supervisor.snapshot.models == (TWO,)
        assert "server.healed" not in told
        fake.control(model=ONE, on="load", fail=None)
        clock.move(61)
        await run.until(lambda: "server.healed" in told, "healed")
        assert set(run.supervisor.snapshot.models) == {ONE, TWO}


async def test_an_idle_model_that_crashed_is_loaded_again_and_the_server_left_alone(fake: FakeServer) -> None:
    """The probe of a model that nobody asked says that it crashed: that is not the server's trouble."""
    clock = HandClock()
    async with running(studio(fake, now=clock, check_s=1)) as run:
        await run.until_ready()
        fake.control(model=ONE, fail="crash", times=1)
        clock.move(61)
        await run.until(lambda: loads(fake, ONE) == 2, "it is loaded again")
        await run.until(lambda: ONE in run.supervisor.snapshot.models, "it answers again")
        assert run.supervisor.snapshot.restarts == 0


async def test_a_model_that_was_evicted_is_loaded_again_at_the_first_request_that_misses_it(
    fake: FakeServer,
) -> None:
    """404 for a model that was there is an eviction: it is known at once, not when the next probe is due."""
    async with running(studio(fake)) as run:
        await run.until_ready()
        fake.control(model="other", loaded=True)  # with one alone left, LM Studio answers by that one
        fake.control(model=ONE, loaded=False)
        with pytest.raises(ModelMissingError):
            await run.supervisor.chat(question(ONE))
        await run.until(lambda: loads(fake, ONE) == 2, "it is loaded again")
        await run.until(lambda: ONE in run.supervisor.snapshot.models, "it answers again")
        assert run.supervisor.snapshot.restarts == 0


async def test_a_model_that_is_parked_while_it_is_asked_is_not_loaded_again(fake: FakeServer) -> None:
    """The request that is cut off by the parking is no sign of trouble."""
    async with running(studio(fake)) as run:
        await run.until_ready()
        fake.control(model=ONE, fail="unloaded", delay_s=0.5, times=1)
        asked = asyncio.create_task(run.supervisor.chat(question(ONE)))
        await run.until(lambda: len(fake.chats(ONE)) == 2, "it is asked")
        run.supervisor.park([ONE])
        with pytest.raises(ModelCrashedError):
            await asked
        await crash(run, fake, TWO)
        await run.until(lambda: loads(fake, TWO) == 2, "the next trouble was looked after")
        assert loads(fake, ONE) == 1
        assert fake.loaded() == [TWO]


async def test_a_recycling_that_fails_is_one_trouble_like_any_other(fake: FakeServer, told: list[str]) -> None:
    """A model that cannot be loaded again while it is recycled costs a restart, and is no fault of ours."""
    run = studio(fake, check_s=1, recycling=Recycling(after_images=1))
    async with running(run):
        await run.until_ready()
        fake.control(model=ONE, on="load", fail="load_failed", times=2)
        await run.supervisor.chat(question(ONE))
        await run.until(lambda: run.states.count(ServerState.READY) == 2, "ready again")
        assert set(run.supervisor.snapshot.models) == {ONE, TWO}
    assert "server.fault" not in told
    assert "server.recycled" not in told


async def test_a_fault_of_ours_in_a_combined_request_reaches_those_who_wait(tmp_path: Path) -> None:
    """Whatever goes wrong with a combined request, nobody waits for its answer for ever."""
    with FakeEngine(tmp_path / "engine", ["m"]) as engine:
        async with running(Run(attached(engine))) as run:
            await run.until_ready()
            no_json = replace(question("m"), schema={"type": "object", "properties": {"x": {1, 2}}})
            with pytest.raises(TypeError):
                await asyncio.wait_for(Combiner().chat(run.supervisor, "read", no_json), 10)


async def test_a_model_that_stays_missing_is_told_once(fake: FakeServer, told: list[str]) -> None:
    """It is looked for again each minute, and only the first time aloud; once it is there, it is loaded."""
    fake.control(settings={"models": [ONE]})
    clock = HandClock()
    async with running(studio(fake, now=clock, check_s=1)) as run:
        await run.until_ready()
        for _ in range(3):
            clock.move(61)
            await run.until(lambda: run.supervisor.snapshot.probed_mono_s == clock(), "the next check")
        assert TWO in run.supervisor.snapshot.missing
        assert told.count("model.missing") == 1
        assert told.count("model.loading") == 2
        fake.control(settings={"models": [ONE, TWO]})
        clock.move(61)
        await run.until(lambda: TWO in run.supervisor.snapshot.models, "it is loaded")
        assert not run.supervisor.snapshot.missing
