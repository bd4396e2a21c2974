"""`foureyes forge` from outside, without a daemon."""

from __future__ import annotations

import json
import subprocess
from pathlib import Path

import pytest
from parts.forging import final_failure, journal, record
from parts.foureyes import foureyes
from parts.mender import mender


def forge(state_dir: Path, *arguments: str, **extra: str) -> subprocess.CompletedProcess[str]:
    return foureyes("forge", *arguments, "--state-dir", str(state_dir), **extra)


def test_forge_run_works_through_the_spool_without_a_daemon(tmp_path: Path) -> None:
    """Recorded faults become cases and go to the command that is configured; show tells of them."""
    state_dir, notes = tmp_path / "state", tmp_path / "journal.jsonl"
    command = json.dumps(mender(notes, "--patch"))
    record(state_dir, [final_failure("task \x1b[31mred could not be read") for _ in range(30)])
    done = forge(state_dir, "run", FOUREYES_TRIAGE__COMMAND=command)
    assert (done.returncode, done.stderr) == (0, "")
    assert "1 new cases, 1 handed over, 1 with a fix proposed" in done.stdout
    assert "its fix is rejected" in done.stdout
    (note,) = journal(notes)
    task = note["task"]
    shown = forge(state_dir, "show", task["fingerprint"]).stdout
    assert task["id"] in shown
    assert f"foureyes errors show {task['fingerprint']} --state-dir {state_dir}" in shown
    assert "rejected: git does not take the patch" in shown
    assert "\x1b" not in shown


def test_a_hand_over_that_fails_is_an_error_that_says_why(tmp_path: Path) -> None:
    """Exit code 1, and the sentence says which program and where its output is."""
    record(tmp_path, [final_failure()])
    command = json.dumps(mender(tmp_path / "journal.jsonl", "--exit", "7"))
    done = forge(tmp_path, "run", FOUREYES_TRIAGE__COMMAND=command)
    assert done.returncode == 1
    assert "ended with exit code 7; see" in done.stderr


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("run",), 0, "nobody is configured to hand cases to"),
        (("show", "nothing"), 1, "no case is known as 'nothing'"),
    ],
)
def test_where_nothing_was_ever_recorded(tmp_path: Path, arguments: tuple[str, ...], code: int, said: str) -> None:
    """An empty state folder is no error, and what is not there is said in a sentence."""
    done = forge(tmp_path / "state", *arguments)
    assert done.returncode == code
    assert said in done.stdout + done.stderr
    assert "Traceback" not in done.stderr
