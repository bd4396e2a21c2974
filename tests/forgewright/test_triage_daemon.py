"""Triage beside a real daemon: a model that fails for good is one case, handed over once."""

from __future__ import annotations

import contextlib
import json
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import pytest
from parts.faulty import groups
from parts.forging import journal
from parts.foureyes import RunningDaemon, foureyes
from parts.mender import mender
from parts.watched import DrawnScreen, FakeEngine, Watched, drawn, task, write_config

from foureyes.errors.spool import Spool, spool_file
from foureyes.forgewright.case import Case
from foureyes.forgewright.cases import Cases


@dataclass(frozen=True)
class Mended:
    """A daemon whose triage has a mender."""

    watched: Watched
    config: Path
    journal: Path


@contextlib.contextmanager
def mended(folder: Path) -> Iterator[Mended]:
    with DrawnScreen() as screen, FakeEngine(folder / "engine", ["doomed", "calm"]) as engine:
        tasks = {"doomed": task(attempts=1), "calm": task()}
        config = write_config(folder, engine, tasks, [screen.source()])
        notes = folder / "journal.jsonl"
        document = json.loads(config.read_text("utf-8"))
        document["triage"] = {"command": mender(notes, "--patch"), "check_s": 0.1}
        config.write_text(json.dumps(document), "utf-8")
        with RunningDaemon(folder, "--config", str(config)) as daemon:
            yield Mended(Watched(daemon.wait_ready(), engine, screen), config, notes)


@pytest.fixture(scope="module")
def daemon(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Mended]:
    with mended(tmp_path_factory.mktemp("triage")) as running:
        yield running


def test_a_model_that_fails_for_good_is_one_case_once(daemon: Mended) -> None:
    """Failure upon failure of one task is one case with one hand-over, and the other tasks go on."""
    watched = daemon.watched
    watched.engine.control("doomed", fail="refuse", times=1000)

    def seen() -> int:
        return max((group.count for group in groups(watched.daemon.state_dir)), default=0)

    for number in range(4):
        before = len(watched.engine.requests("doomed"))
        watched.screen.show(drawn(f"picture {number}"))
        watched.daemon.wait(
            lambda before=before: len(watched.engine.requests("doomed")) > before, "another failure", 60
        )
    watched.daemon.wait(lambda: len(journal(daemon.journal)) >= 1, "the hand-over", 60)
    watched.daemon.wait(lambda: seen() >= 3, "three failures are recorded", 60)
    watched.daemon.wait(lambda: watched.dropped("triage", "once") >= 1, "what came later is counted", 60)
    watched.settle("calm")
    (note,) = journal(daemon.journal)
    assert note["task"]["trigger"] == "final_inference_failure"
    assert note["task"]["bug_class"] == "VisionInference"


def test_the_command_line_sees_the_case_while_the_daemon_runs(daemon: Mended) -> None:
    """`forge list` reads what triage does: it verified by itself; `forge run` leaves the running triage alone."""
    watched = daemon.watched.daemon
    watched.wait(lambda: _case(watched.state_dir).verification is not None, "the verification", 60)
    (case,) = json.loads(
        foureyes("forge", "list", "--json", "--config", str(daemon.config), *_state(daemon)).stdout
    )
    assert case["state"] == "rejected"
    assert "No valid patches" in case["verification"]["reason"]
    refused = foureyes("forge", "run", "--config", str(daemon.config), *_state(daemon))
    assert refused.returncode == 3
    assert "another process does the triage" in refused.stderr


def _case(state_dir: Path) -> Case:
    with Spool(spool_file(state_dir)) as spool:
        (case,) = Cases(spool).all()
    return case


def _state(daemon: Mended) -> tuple[str, str]:
    return "--state-dir", str(daemon.watched.daemon.state_dir)
