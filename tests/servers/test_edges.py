"""The state table, edge by edge: each allowed transition is walked by a supervisor over a real process."""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Sequence
from itertools import pairwise
from pathlib import Path

import pytest
from parts.fakes.steering import FakeServer
from parts.hand_clock import HandClock
from parts.supervised import DIES, Run, TinyLaunch, attached, running
from parts.watched import FakeEngine, fake_engine_command, steer

from foureyes.config.settings import LmStudioServer, Restarts
from foureyes.servers.http.clients import Clients
from foureyes.servers.launch import launch_for
from foureyes.servers.state import ALLOWED, ServerSnapshot, ServerState
from foureyes.telemetry.metrics import Metrics

STOPPED, STARTING, LOADING, READY, FAILED, DEGRADED, STOPPING = (
    ServerState.STOPPED, ServerState.STARTING, ServerState.LOADING, ServerState.READY, ServerState.FAILED,
    ServerState.DEGRADED, ServerState.STOPPING,
)  # fmt: skip
SILENT = ("sh", "-c", "sleep 60")
Edges = set[tuple[ServerState, ServerState]]


async def walk(run: Run, until: Callable[[], bool], what: str) -> Edges:
    """Run a supervisor until something holds, then end it; the edges that it took."""
    async with running(run):
        await run.until(until, what)
    return run.edges


async def test_a_life_without_trouble(tmp_path: Path) -> None:
    """Stopped, starting, loading, ready, stopping, stopped."""
    run = Run(TinyLaunch([fake_engine_command(0, tmp_path, "m")]))
    edges = await walk(run, lambda: run.supervisor.snapshot.ready, "ready")
    way = [STOPPED, STARTING, LOADING, READY, STOPPING, STOPPED]
    assert edges == set(pairwise(way))


@pytest.mark.parametrize("state", [STARTING, FAILED, DEGRADED])
async def test_an_end_on_the_way(state: ServerState) -> None:
    """Told to end while it starts, has failed or is degraded, it stops."""
    run = Run(TinyLaunch([SILENT] if state is STARTING else [DIES]), now=HandClock())
    edges = await walk(run, lambda: run.supervisor.snapshot.state is state, state)
    assert (state, STOPPING) in edges


async def test_an_end_while_a_model_is_loaded(tmp_path: Path) -> None:
    """Told to end while a model is being loaded, it stops."""
    with FakeEngine(tmp_path / "engine", ["m"]) as engine:
        run = Run(attached(engine))

        def hold(snapshot: ServerSnapshot) -> None:
            if snapshot.state is LOADING:
                os.kill(engine.process.pid, signal.SIGSTOP)

        run.on_change = hold
        edges = await walk(run, lambda: run.supervisor.snapshot.state is LOADING, "loading")
        assert (LOADING, STOPPING) in edges


async def test_starts_that_fail_degrade_and_are_tried_again() -> None:
    """Starting fails, failed is started again, then degraded, and degraded is started again too."""
    rules = Restarts(degraded_after=1, cap_s=1)
    run = Run(TinyLaunch([DIES]), restarts=rules)
    edges = await walk(run, lambda: (DEGRADED, STARTING) in run.edges, "degraded is tried again")
    assert edges >= {(STARTING, FAILED), (FAILED, STARTING), (FAILED, DEGRADED)}


async def test_a_load_that_fails_for_the_server_is_a_failure(tmp_path: Path) -> None:
    """Loading fails where what answers is no such server."""
    with FakeEngine(tmp_path / "engine", ["m"]) as engine:
        run = Run(attached(engine), now=HandClock())
        steer(engine.url, listing="no listing")
        edges = await walk(run, lambda: (LOADING, FAILED) in run.edges, "loading fails")
        assert (STARTING, LOADING) in edges


async def test_a_ready_server_fails(tmp_path: Path) -> None:
    """Ready goes to failed when the process ends, and through starting back."""
    run = Run(TinyLaunch([fake_engine_command(0, tmp_path, "m")]))
    async with running(run):
        first = await run.until_ready()
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        await run.until(lambda: run.states.count(READY) == 2, "ready again")
    assert (READY, FAILED) in run.edges


async def test_a_refused_token_that_is_taken_later(tmp_path: Path) -> None:
    """Failed for its token, a server is loaded from as it stands once the token is taken: no start between."""
    with FakeServer.lmstudio(tmp_path / "lm", "--token", "right", "m") as fake:
        settings = LmStudioServer(id="tiny", kind="lmstudio", url=fake.url, token_env=None)
        run = Run(launch_for(settings, Clients(), Metrics().dropped), check_s=1)
        async with running(run):
            await run.until(lambda: FAILED in run.states, "the token is refused")
            fake.control(settings={"token": None})
            await run.until_ready()
    assert (FAILED, LOADING) in run.edges
    assert run.states.count(STARTING) == 1


def test_every_edge_has_its_test() -> None:
    """The tests above name each edge of the table; one that is added there has to be walked here."""
    walked: Sequence[tuple[ServerState, ServerState]] = [
        (STOPPED, STARTING), (STARTING, LOADING), (STARTING, FAILED), (STARTING, STOPPING),
        (LOADING, READY), (LOADING, FAILED), (LOADING, STOPPING), (READY, FAILED), (READY, STOPPING),
        (FAILED, STARTING), (FAILED, LOADING), (FAILED, DEGRADED), (FAILED, STOPPING), (DEGRADED, STARTING),
        (DEGRADED, STOPPING), (STOPPING, STOPPED),
    ]  # fmt: skip
    assert {(before, after) for before, afters in ALLOWED.items() for after in afters} == set(walked)
