"""The supervisor over real processes: starts, restarts and their pauses, degraded, and a clean end."""

from __future__ import annotations

import os
import signal
from pathlib import Path

import psutil
import pytest
from parts.hand_clock import HandClock
from parts.supervised import DIES, Run, TinyLaunch, attached, running
from parts.watched import FakeEngine, fake_engine_command, steer

from foureyes.exceptions import ServerBusyError, ServerStartError
from foureyes.servers.server import ChatRequest
from foureyes.servers.state import ServerState


def good(folder: Path, *options: str) -> list[str]:
    return fake_engine_command(0, folder, *options, "m")


def question() -> ChatRequest:
    schema = {"type": "object", "properties": {"x": {"type": ["string", "null"]}}}
    return ChatRequest(model_id="m", prompt="?", schema=schema, pictures=(), timeout_s=5)


async def test_a_server_is_ready_after_it_was_loaded_and_probed(tmp_path: Path) -> None:
    """The way up is starting, loading, ready; a model that answered its probe is listed."""
    async with running(Run(TinyLaunch([good(tmp_path)]))) as run:
        snapshot = await run.until_ready()
        assert run.states == [ServerState.STARTING, ServerState.LOADING, ServerState.READY]
        assert snapshot.models == ("m",)
        assert snapshot.probed_mono_s is not None
    assert run.states[-2:] == [ServerState.STOPPING, ServerState.STOPPED]
    assert snapshot.pid is not None
    assert not psutil.pid_exists(snapshot.pid)


async def test_a_start_that_fails_is_told_with_the_last_line(tmp_path: Path) -> None:
    """A program that ends at once is a failed start; the reason has its exit code and its last line."""
    async with running(Run(TinyLaunch([DIES, good(tmp_path)]))) as run:
        await run.until_ready()
        failed = next(snapshot for snapshot in run.snapshots if snapshot.state is ServerState.FAILED)
        assert "exit code 9" in failed.reason
        assert "no memory left" in failed.reason


async def test_pauses_grow_and_the_fourth_failure_is_degraded() -> None:
    """The first restart comes at once, then 1 s and 2 s; more than three failures in ten minutes are degraded."""
    launch = TinyLaunch([DIES])
    async with running(Run(launch, now=HandClock())) as run:
        await run.until(lambda: ServerState.DEGRADED in run.states, "degraded")
        assert run.states.count(ServerState.FAILED) == 4
        assert run.states.index(ServerState.DEGRADED) == len(run.states) - 1
        assert "4 failures in 10 min" in run.supervisor.snapshot.reason
    at_once, second, third = (
        later - earlier for earlier, later in zip(launch.started_s, launch.started_s[1:], strict=False)
    )
    assert at_once < second
    assert second >= 1
    assert third >= 2


async def test_failures_far_apart_never_degrade(tmp_path: Path) -> None:
    """Failures more than ten minutes apart are each the first one: restarted at once, never degraded."""
    clock, launch = HandClock(), TinyLaunch([*[DIES] * 5, good(tmp_path)])
    run = Run(launch, now=clock)
    run.on_change = lambda snapshot: clock.move(601 if snapshot.state is ServerState.STARTING else 0)
    async with running(run):
        await run.until_ready()
    assert run.states.count(ServerState.FAILED) == 5
    assert ServerState.DEGRADED not in run.states


async def test_an_exit_is_seen_at_once_and_restarted(tmp_path: Path) -> None:
    """A killed server is replaced without waiting for the next check, which is minutes away."""
    async with running(Run(TinyLaunch([good(tmp_path)]), check_s=300)) as run:
        first = await run.until_ready()
        assert first.pid is not None
        os.kill(first.pid, signal.SIGKILL)
        await run.until(lambda: run.states.count(ServerState.READY) == 2, "ready again")
        assert run.supervisor.snapshot.pid != first.pid
        assert run.supervisor.snapshot.restarts == 1
        failed = next(snapshot for snapshot in run.snapshots if snapshot.state is ServerState.FAILED)
        assert "SIGKILL" in failed.reason


async def test_a_failed_request_wakes_the_supervisor(tmp_path: Path) -> None:
    """A request that fails is a reason to check now; a server that says it is ill twice is replaced."""
    async with running(Run(TinyLaunch([good(tmp_path)]), check_s=300)) as run:
        first = await run.until_ready()
        assert first.url is not None
        steer(first.url, model="m", fail="500", times=1, health={"status": "ill"})
        with pytest.raises(ServerBusyError):
            await run.supervisor.chat(question())
        await run.until(lambda: run.states.count(ServerState.READY) == 2, "ready again")
        failed = next(snapshot for snapshot in run.snapshots if snapshot.state is ServerState.FAILED)
        assert "'ill'" in failed.reason


async def test_an_end_while_a_server_is_being_put_down_leaves_no_child(tmp_path: Path) -> None:
    """Cancelled while it waits for a stubborn server to end, the supervisor still ends it."""
    launch = TinyLaunch([good(tmp_path, "--stubborn")])
    async with running(Run(launch)) as run:
        snapshot = await run.until_ready()
        assert snapshot.url is not None
        steer(snapshot.url, model="m", fail="500", times=1, health={"status": "ill"})
        with pytest.raises(ServerBusyError):
            await run.supervisor.chat(question())
        await run.until(lambda: ServerState.FAILED in run.states, "it is put down")
    assert len(launch.children) == 1
    assert launch.children[0].exit_text() == "killed by SIGKILL"


async def test_a_server_that_is_not_ready_is_not_asked() -> None:
    """A request to a server that is down fails at once, with the reason that it is down for."""
    async with running(Run(TinyLaunch([DIES]), now=HandClock())) as run:
        await run.supervisor.settled()
        with pytest.raises(ServerStartError, match="server 'tiny' is"):
            await run.supervisor.chat(question())


@pytest.mark.parametrize("listing", [[{"id": "m"}], ["m"], "m", [{"key": "m", "loaded_instances": 7}]])
async def test_r25_what_is_no_engine_is_told_and_tried_again(tmp_path: Path, listing: object) -> None:
    """R25: another program at the address is told by what it answers; the right one is found there later."""
    with FakeEngine(tmp_path / "engine", ["m"]) as engine:
        steer(engine.url, listing=listing)
        async with running(Run(attached(engine), now=HandClock())) as run:
            await run.until(lambda: ServerState.FAILED in run.states, "it is no engine")
            failed = next(snapshot for snapshot in run.snapshots if snapshot.state is ServerState.FAILED)
            assert "no engine of FourEyes" in failed.reason
            steer(engine.url, listing=None)
            await run.until_ready()
        assert engine.running  # it was there before us, and stays


async def test_a_model_that_the_server_does_not_have_is_told_and_stops_nothing(tmp_path: Path) -> None:
    """A missing model is named with what there is; the others are served, and the probes ask one of them."""
    clock = HandClock()
    with FakeEngine(tmp_path / "engine", ["m"]) as engine:
        run = Run(
            attached(engine),
            now=clock,
            models=("absent", "m"),
        )
        async with running(run):
            snapshot = await run.until_ready()
            assert snapshot.models == ("m",)
            assert snapshot.missing == {"absent": "the engine has no model 'absent'; it serves m"}
            engine.control("m", fail="500", times=1)
            clock.move(61)
            with pytest.raises(ServerBusyError):
                await run.supervisor.chat(question())
            await run.until(lambda: run.supervisor.snapshot.probed_mono_s == clock(), "the next probe")
            assert run.supervisor.snapshot.restarts == 0
