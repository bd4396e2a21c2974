"""From a fault in a real daemon to a test that shows it again, seen from outside."""

from __future__ import annotations

import contextlib
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
from parts.foureyes import RunningDaemon, foureyes
from parts.program import wait_until
from parts.watched import DrawnScreen, FakeEngine, Watched, drawn, task, write_config

ROOT = Path(__file__).parents[2]
TASKS = ("late", "strange", "calm")


@dataclass(frozen=True)
class Hurt:
    """A daemon that has met two faults, and the cases that triage made of them."""

    state_dir: Path
    config: Path
    engine: FakeEngine
    cases: dict[str, dict[str, Any]]


def cases_of(state_dir: Path, config: Path) -> list[dict[str, Any]]:
    said = foureyes("forge", "list", "--json", "--config", str(config), "--state-dir", str(state_dir))
    return list(json.loads(said.stdout))


@pytest.fixture(scope="module")
def hurt(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Hurt]:
    folder = tmp_path_factory.mktemp("reproduction")
    with contextlib.ExitStack() as stack:
        screen = stack.enter_context(DrawnScreen())
        engine = stack.enter_context(FakeEngine(folder / "engine", TASKS))
        tasks = {name: task(attempts=1, timeout_s=1) for name in TASKS}
        config = write_config(folder, engine, tasks, [screen.source()])
        document = json.loads(config.read_text("utf-8"))
        document["servers"][0]["breaker"] = {
            "failures": 1000
        }  # or the last test waits until the server rests no more
        document["triage"] = {"folder": str(folder / "inbox"), "check_s": 60}
        config.write_text(json.dumps(document), "utf-8")
        daemon = stack.enter_context(RunningDaemon(folder, "--config", str(config)))
        watched = Watched(daemon.wait_ready(), engine, screen)
        engine.control("late", delay_s=3, times=1000)
        engine.control("strange", values={"amount": ["no", "money"], "number": "many"})
        screen.show(drawn("other"))
        inbox = folder / "inbox"
        watched.daemon.wait(
            lambda: inbox.is_dir() and len(list(inbox.glob("*.json"))) >= 2, "two cases are handed over", 60
        )
        found = cases_of(watched.daemon.state_dir, config)
        named = {name: case for name in TASKS for case in found if f"task:{name}:" in case["summary"]}
        yield Hurt(watched.daemon.state_dir, config, engine, named)


def test_a_server_that_answers_too_late_is_reproduced_before_the_hand_over(hurt: Hurt) -> None:
    """The case says that the real request was made again, and failed in the same way at the same place."""
    case = hurt.cases["late"]
    assert (case["reproduction"]["outcome"], case["state"]) == ("reproduced", "handed over")
    assert "ServerTimeoutError in ServerHttp.exchange" in case["reproduction"]["reason"]


def test_an_answer_that_breaks_the_schema_is_reproduced_from_the_answer_itself(hurt: Hurt) -> None:
    """The function that checks the answer is called with the answer that was given."""
    case = hurt.cases["strange"]
    assert case["reproduction"]["outcome"] == "reproduced"
    assert "ServerReplyError in _validated of foureyes.vision.inference" in case["reproduction"]["reason"]


@pytest.mark.parametrize("name", ["late", "strange"])
def test_the_test_that_is_left_can_be_run_by_hand(hurt: Hurt, name: str) -> None:
    """As the case says how: it fails with the fault's own words, and needs no waiting."""
    run = hurt.cases[name]["how_to_run"][-1]
    assert run[-1] == hurt.cases[name]["platform_path"]
    done = subprocess.run(run, capture_output=True, text=True, timeout=60, env=_plain(), check=False)
    assert done.returncode == 1, done.stderr
    assert "Error" in done.stderr.splitlines()[-1]


def test_pytest_runs_it_too(hurt: Hurt) -> None:
    """It is a test like any other, and red."""
    command = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", hurt.cases["late"]["platform_path"]]
    env = {**_plain(), "PYTEST_DISABLE_PLUGIN_AUTOLOAD": "1"}  # it needs none of this project's plugins
    done = subprocess.run(
        command, capture_output=True, text=True, timeout=60, env=env, cwd=hurt.state_dir, check=False
    )
    assert done.returncode == 1
    assert "ServerTimeoutError" in done.stdout


def test_the_verdict_is_shown_wherever_the_fault_is(hurt: Hurt) -> None:
    """forge list and show, the group's page, and the file of the case have it."""
    case, where = hurt.cases["late"], ("--config", str(hurt.config), "--state-dir", str(hurt.state_dir))
    assert "reproduced" in foureyes("forge", "list", *where).stdout
    assert (
        "reproduced: foureyes.exceptions:ServerTimeoutError"
        in foureyes("forge", "show", case["id"], *where).stdout
    )
    page = foureyes("errors", "show", case["fingerprint"], *where).stdout
    assert "## The reproduction" in page
    assert case["platform_path"] in page
    handed = json.loads((hurt.config.parent / "inbox" / f"{case['id']}.json").read_text("utf-8"))
    assert handed["reproduction"]["outcome"] == "reproduced"


def test_the_picture_of_a_fault_is_read_again_by_todays_models(hurt: Hurt) -> None:
    """`errors replay` reads it by the fault's own task: what the model says now is what is shown."""
    hurt.engine.control("late", times=0)
    hurt.engine.control("strange", values={"amount": "12.50", "number": 3})
    event, where = hurt.cases["strange"]["error_id"], ("--state-dir", str(hurt.state_dir))

    reading: dict[str, Any] = {}

    def is_read() -> bool:
        said = foureyes("errors", "replay", event, "--json", "--daemon", *where, "--config", str(hurt.config))
        reading.update(json.loads(said.stdout or "{}"))
        return bool(reading.get("values", {}).get("number") == 3)

    wait_until(is_read, 60, "the model answers as it is told now")
    assert reading["task"] == "strange"
    assert Path(reading["image"]).parent == hurt.state_dir / "errors" / "frames"


def test_a_fault_that_is_not_there_cannot_be_read_again(hurt: Hurt) -> None:
    """A sentence, and exit code 1, be its name one of a file."""
    done = foureyes("errors", "replay", "../../etc/passwd", "--state-dir", str(hurt.state_dir))
    assert (done.returncode, done.stdout) == (1, "")
    assert "no fault is known" in done.stderr


def _plain() -> dict[str, str]:
    return {**{key: os.environ[key] for key in ("PATH", "HOME") if key in os.environ}, "PYTHONPATH": str(ROOT)}
