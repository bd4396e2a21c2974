"""The thread in which a camera's blocking calls run."""

import asyncio
import threading

import pytest

from foureyes.frames.own_thread import OwnThread


async def test_all_calls_run_in_the_same_other_thread() -> None:
    """Libraries that are bound to a thread see one thread only."""
    thread = OwnThread("eye")
    names = {await thread.run(lambda: threading.current_thread().name) for _ in range(3)}
    await thread.end(lambda: names.add(threading.current_thread().name), 5)
    assert names == {"eye"}


async def test_errors_come_through() -> None:
    """What a call raises is raised where it is awaited, and the thread goes on."""
    thread = OwnThread("eye")
    with pytest.raises(ZeroDivisionError):
        await thread.run(lambda: 1 // 0)
    assert await thread.run(lambda: 7) == 7
    await thread.end(lambda: None, 5)


async def test_after_a_cancelled_call_the_next_gets_its_own_answer() -> None:
    """The call of a cancelled caller runs to its end, and its answer is handed to nobody else."""
    thread, go_on = OwnThread("eye"), threading.Event()
    order: list[str] = []

    def slow() -> str:
        go_on.wait(30)
        order.append("old")
        return "old"

    with pytest.raises(TimeoutError):
        async with asyncio.timeout(0.01):
            await thread.run(slow)
    for _ in range(50):  # impatient callers do not pile up calls
        with pytest.raises(TimeoutError):
            async with asyncio.timeout(0.001):
                await thread.run(lambda: order.append("never"))
    threading.Timer(0.05, go_on.set).start()
    assert await thread.run(lambda: "new") == "new"
    assert order == ["old"]
    await thread.end(lambda: None, 5)


async def test_ending_does_not_wait_for_a_call_that_hangs() -> None:
    """A call that hangs is left behind after the time that was given."""
    thread, over = OwnThread("eye"), threading.Event()
    hanging = asyncio.create_task(thread.run(lambda: over.wait(30)))
    await asyncio.sleep(0)
    with pytest.raises(TimeoutError):
        await thread.end(lambda: None, 0.05)
    await thread.end(lambda: None, 0.05)  # a second time is fine
    over.set()
    assert await hanging
