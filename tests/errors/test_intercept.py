"""Interception: whatever nobody caught is recorded and goes the way it would have gone."""

from __future__ import annotations

import asyncio
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from parts.faulty import events, recording

from foureyes.errors.intercept import intercepted, loop_hooked

TESTS = Path(__file__).parents[1]
HOOKS = {
    "main": "raise ValueError('nobody')",
    "thread": "t = threading.Thread(target=fail, name='worker'); t.start(); t.join()",
    "finaliser": "Falling()",
}
PROGRAM = """
import sys, threading
from pathlib import Path
from foureyes.config.settings import Errors
from foureyes.errors.intercept import hooked
from foureyes.errors.recorder import FaultRecorder
recorder = FaultRecorder(Path(sys.argv[1]), Errors(), dropped=print)
recorder.start()
hooks = hooked(recorder)
hooks.__enter__()
def fail(): raise ValueError("nobody")
class Falling:
    def __del__(self): fail()
{}
recorder.close()
"""


class Reports:
    """What was reported."""

    def __init__(self) -> None:
        self.errors: list[tuple[BaseException, str, dict[str, Any]]] = []

    def __call__(self, error: BaseException, /, component: str, **context: Any) -> None:
        self.errors.append((error, component, context))


@pytest.mark.parametrize("hook", HOOKS)
def test_what_reaches_pythons_last_hooks_is_recorded(tmp_path: Path, hook: str) -> None:
    """An exception that nobody caught is on disk when the process is gone, and is printed as ever."""
    ended = subprocess.run(
        [sys.executable, "-c", PROGRAM.format(HOOKS[hook]), str(tmp_path)],
        cwd=TESTS,
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert "ValueError: nobody" in ended.stderr
    assert ended.returncode == (1 if hook == "main" else 0)
    (event,) = events(tmp_path)
    assert (event["component"], event["type"]) == (hook, "ValueError")
    assert event["severity"] == ("high" if hook == "finaliser" else "critical")


async def test_what_the_event_loop_is_told_of_is_recorded(tmp_path: Path) -> None:
    """A callback that raises, and a task that failed and that nobody asked, are faults; the loop goes on."""

    async def forgotten() -> None:
        raise KeyError("forgotten")

    def callback() -> None:
        raise ValueError("callback")

    loop = asyncio.get_running_loop()
    loop.set_exception_handler(lambda _loop, _context: None)  # in place of the print
    with recording(tmp_path) as running, loop_hooked(running.recorder):
        loop.call_soon(callback)
        task = asyncio.create_task(forgotten(), name="forgotten task")
        await asyncio.wait([task])
        del task
        await asyncio.sleep(0)
        await asyncio.to_thread(running.wait_count, 2)
    found = {event["type"]: event["context"]["task_name"] for event in events(tmp_path)}
    assert found == {"ValueError": None, "KeyError": "forgotten task"}


def test_a_context_manager_and_a_decorator_report_and_let_go_on() -> None:
    """What is raised inside goes on as it was, and is reported with its component and context."""
    reports = Reports()

    @intercepted(reports, "part", side="left")
    def fail() -> None:
        raise ValueError("no")

    with pytest.raises(ValueError, match="no") as caught:
        fail()
    with pytest.raises(KeyError), intercepted(reports, "block"):
        raise KeyError("block")
    assert reports.errors[0] == (caught.value, "part", {"side": "left"})
    assert [component for _, component, _ in reports.errors] == ["part", "block"]


async def test_a_decorated_coroutine_is_watched_while_it_runs() -> None:
    """A coroutine that fails after it waited is reported, and what it returns comes back."""
    reports = Reports()

    @intercepted(reports, "coroutine")
    async def halve(number: int) -> int:
        await asyncio.sleep(0)
        if number % 2:
            raise ValueError("odd")
        return number // 2

    assert await halve(8) == 4
    with pytest.raises(ValueError, match="odd"):
        await halve(7)
    assert [component for _, component, _ in reports.errors] == ["coroutine"]


async def test_r34_cancellation_and_ctrl_c_pass_through(tmp_path: Path) -> None:
    """R34: cancelling a watched task cancels it, Ctrl-C and exit go on, and none of them is recorded."""
    with recording(tmp_path) as running:
        report = running.recorder.record
        begun = asyncio.Event()

        @intercepted(report, "task")
        async def wait_for_ever() -> None:
            begun.set()
            await asyncio.Event().wait()

        task = asyncio.create_task(wait_for_ever(), name="watched")
        await begun.wait()
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
        assert task.cancelled()
        for passing in (KeyboardInterrupt, SystemExit):
            with pytest.raises(passing), intercepted(report, "block"):
                raise passing
        assert report(asyncio.CancelledError(), "direct") == ""
    assert events(tmp_path) == []


def test_what_is_expected_is_not_reported() -> None:
    """Exceptions that are answers to a person, not faults, pass unrecorded."""
    reports = Reports()
    with pytest.raises(FileNotFoundError), intercepted(reports, "part", expected=(OSError,)):
        raise FileNotFoundError
    assert reports.errors == []


def test_the_hooks_are_put_back() -> None:
    """Behind a daemon Python's hooks are what they were."""
    code = (
        "import sys, threading; from pathlib import Path; from foureyes.errors.intercept import hooked\n"
        "before = sys.excepthook, threading.excepthook, sys.unraisablehook\n"
        "with hooked(None): assert sys.excepthook is not before[0]\n"
        "assert (sys.excepthook, threading.excepthook, sys.unraisablehook) == before\n"
    )
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
