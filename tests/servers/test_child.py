"""A child process against real programs: what it prints, how it ends, and that nothing of it is left."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator

import psutil
import pytest
from loguru import logger
from parts.program import wait_until

from foureyes.exceptions import ServerStartError
from foureyes.servers.process.child import Child
from foureyes.telemetry.metrics import Metrics

PORT_LINE = '{"event": "listening", "port": 4321}'
SAY_PORT = f"echo '{PORT_LINE}'"
FLOOD_BYTES = 25_000_000
END_WITHIN_S = 20

Start = Callable[..., Awaitable[Child]]


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    """What children print goes to the log, line by line; here it would only fill the test's report."""
    logger.disable("foureyes")
    yield
    logger.enable("foureyes")


@pytest.fixture
async def start() -> AsyncIterator[Start]:
    """Start programs as children; whatever is left of one after its test is ended."""
    children: list[Child] = []

    async def started(*command: str) -> Child:
        children.append(await Child.start("tiny", command, Metrics().dropped))
        return children[-1]

    yield started
    for child in children:
        await child.stop()


def shell(script: str) -> tuple[str, ...]:
    return ("sh", "-c", script)


async def grandchild_of(child: Child) -> psutil.Process:
    """The process whose id the child has printed before its port."""
    await child.port(END_WITHIN_S)
    return psutil.Process(int(child.output.last_lines[-1]))


def gone(process: psutil.Process) -> bool:
    """Whether a process has ended; one that nobody has waited for is no process any more."""
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.status() == psutil.STATUS_ZOMBIE
    return True


async def test_the_port_is_the_one_that_the_child_says(start: Start) -> None:
    """The announcement is found among other lines, also lines that only look like one."""
    lines = (
        "hello",
        "{not json",
        '{"event": "listening", "port": "no number"}',
        '{"event": "listening"}',
        PORT_LINE,
    )
    child = await start(*shell("; ".join(f"echo '{line}'" for line in lines) + "; exec sleep 60"))
    assert await child.port(END_WITHIN_S) == 4321
    assert list(child.output.last_lines) == list(lines[:-1])


async def test_a_child_that_ends_at_once_is_told_with_its_last_line(start: Start) -> None:
    """The error names how the program ended and the last thing that it said."""
    for _ in range(5):  # the exit and the last words race each other
        child = await start(*shell("echo starting >&2; echo 'the port is taken' >&2; exit 3"))
        with pytest.raises(ServerStartError, match=r"exit code 3.*the port is taken"):
            await child.port(END_WITHIN_S)


async def test_a_child_that_says_no_port_is_told(start: Start) -> None:
    """A program that runs and says nothing of use is given up after the time."""
    child = await start(*shell("echo thinking; exec sleep 60"))
    with pytest.raises(ServerStartError, match=r"no port within 0\.5 s.*thinking"):
        await child.port(0.5)


async def test_r23_a_flood_of_output_is_drained_and_not_kept(start: Start) -> None:
    """R23: a child that prints 50 MB on both pipes goes on to its port, and a hundred lines of it are kept."""
    flood = f"yes '{'x' * 1000}' | head -c {FLOOD_BYTES}"
    child = await start(*shell(f"{flood}; {flood} >&2; echo; {SAY_PORT}; exec sleep 60"))
    assert await child.port(60) == 4321
    assert len(child.output.last_lines) <= 100


async def test_r23_a_line_without_an_end_is_drained(start: Start) -> None:
    """R23: megabytes without a newline fill no memory, and do not stop the draining."""
    child = await start(*shell(f"head -c 5000000 /dev/zero | tr '\\0' x; echo; {SAY_PORT}; exec sleep 60"))
    assert await child.port(60) == 4321
    assert max(map(len, child.output.last_lines)) <= 64 * 1024


async def test_a_child_that_ignores_sigterm_is_killed(start: Start) -> None:
    """Who does not go when asked is made to go."""
    code = f"import signal, time; signal.signal(signal.SIGTERM, signal.SIG_IGN); print('{PORT_LINE}', flush=True)"
    child = await start(sys.executable, "-c", f"{code}; time.sleep(60)")
    await child.port(END_WITHIN_S)
    await child.stop()
    assert child.exit_text() == "killed by SIGKILL"


async def test_a_child_that_is_asked_may_end_by_itself(start: Start) -> None:
    """SIGTERM comes first: a program that heeds it ends its own way."""
    child = await start(*shell(f"trap 'exit 7' TERM; {SAY_PORT}; while :; do sleep 0.05; done"))
    await child.port(END_WITHIN_S)
    await child.stop()
    assert child.exit_text() == "exit code 7"


async def test_a_paused_child_is_killed(start: Start) -> None:
    """A child under SIGSTOP cannot heed SIGTERM; it is not waited for."""
    child = await start(*shell(f"{SAY_PORT}; exec sleep 60"))
    await child.port(END_WITHIN_S)
    process = psutil.Process(child.pid)
    process.suspend()
    wait_until(lambda: process.status() == psutil.STATUS_STOPPED, END_WITHIN_S, "the child to stand still")
    await child.stop()
    assert child.exit_text() == "killed by SIGKILL"


@pytest.mark.parametrize("launcher", ["", "setsid "], ids=["same group", "session of its own"])
async def test_r24_the_whole_tree_is_stopped(start: Start, launcher: str) -> None:
    """R24: what the child started ends with it, also in a session of its own."""
    child = await start(*shell(f"{launcher}sleep 60 & echo $!; {SAY_PORT}; wait"))
    grandchild = await grandchild_of(child)
    await child.stop()
    wait_until(lambda: gone(grandchild), END_WITHIN_S, "the grandchild to end")


async def test_r24_what_a_crashed_child_left_is_stopped_too(start: Start) -> None:
    """R24: a crash is seen at once though a grandchild holds the pipes open, and stopping ends the grandchild."""
    child = await start(*shell(f"sleep 60 & echo $!; {SAY_PORT}; wait"))
    grandchild = await grandchild_of(child)
    os.kill(child.pid, signal.SIGKILL)
    async with asyncio.timeout(END_WITHIN_S):
        await child.wait()
    assert child.exit_text() == "killed by SIGKILL"
    assert not gone(grandchild)
    await child.stop()
    wait_until(lambda: gone(grandchild), END_WITHIN_S, "the grandchild to end")


async def test_r24_a_foreign_process_of_the_same_name_is_left_alone(start: Start) -> None:
    """R24: nothing is ever ended by its name: the same program, started by somebody else, goes on."""
    foreign = subprocess.Popen(["sleep", "60"], start_new_session=True)  # noqa: ASYNC220 - a bystander of the test
    try:
        child = await start("sleep", "60")
        await child.stop()
        assert foreign.poll() is None
    finally:
        foreign.kill()
        foreign.wait()


async def test_stopping_twice_is_harmless(start: Start) -> None:
    """A child that has ended can be stopped again."""
    child = await start(*shell("exit 0"))
    await child.wait()
    await child.stop()
    await child.stop()
    assert child.exit_text() == "exit code 0"


async def test_what_is_set_for_foureyes_alone_is_not_the_childs(
    start: Start, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Secrets that FourEyes gets by its environment are in no child's; what else is there is."""
    monkeypatch.setenv("FOUREYES_MONGO__URI", "mongodb://user:opensesame@host")
    monkeypatch.setenv("TINY", "kept")
    child = await start(*shell(f"env; {SAY_PORT}; sleep 60"))
    await child.port(END_WITHIN_S)
    assert "TINY=kept" in child.output.last_lines
    assert not [line for line in child.output.last_lines if line.startswith("FOUREYES_")]
