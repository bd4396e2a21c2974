"""The audit file: one line a change from several processes, private, bounded, and without secrets."""

from __future__ import annotations

import json
import os
import stat
import subprocess
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest

from foureyes.exceptions import AuditError
from foureyes.telemetry.audit import Audit

NOON = datetime(2026, 11, 21, 12, 0, tzinfo=UTC)
MANY = "from pathlib import Path; from foureyes.telemetry.audit import Audit; audit = Audit(Path({folder!r}))\n"


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_a_change_is_one_line(tmp_path: Path) -> None:
    """Who, what, before and after stand on it with the time in UTC; the file is for its owner alone."""
    Audit(tmp_path / "new", lambda: NOON).record("page", "pause main", {}, {"main": {"until": None}})
    file = tmp_path / "new" / "audit.jsonl"
    (line,) = lines(file)
    assert line == {
        "at": "2026-11-21T12:00:00.000+00:00",
        "who": "page",
        "what": "pause main",
        "before": {},
        "after": {"main": {"until": None}},
    }
    assert stat.S_IMODE(file.stat().st_mode) == 0o600


def test_secrets_and_what_is_endless_do_not_reach_it(tmp_path: Path) -> None:
    """A secret in a value is redacted, a long one cut, and a line break in a name begins no line of its own."""
    audit = Audit(tmp_path)
    audit.record("page", "apply", "password=hunter22 in a diff", {"token": "hunter22hunter22"})
    audit.record('page"}\n{"who": "somebody else', "apply", None, ["x" * 50, *range(100_000)])
    text = (tmp_path / "audit.jsonl").read_text("utf-8")
    assert "hunter22" not in text
    first, second = lines(tmp_path / "audit.jsonl")
    assert first["what"] == second["what"] == "apply"
    assert len(text) < 20_000


def test_several_processes_write_whole_lines_and_old_ones_go(tmp_path: Path) -> None:
    """No line is lost or mixed while a full file is put aside under the writers."""
    full = tmp_path / "audit.jsonl"
    full.write_text(json.dumps({"who": "before", "text": "z" * 900_000}) + "\n", encoding="utf-8")
    code = MANY.format(folder=str(tmp_path)) + "for n in range(60): audit.record(WHO, 'w', n, 'y' * 3900)"
    writers = [
        subprocess.Popen([sys.executable, "-c", code.replace("WHO", repr(name))])
        for name in ("one", "two", "three")
    ]
    assert [writer.wait(60) for writer in writers] == [0, 0, 0]
    files = [full, *sorted(tmp_path.glob("audit.jsonl.*"))]
    assert len(files) == 2
    found = [line for file in files for line in lines(file) if line["who"] != "before"]
    for name in ("one", "two", "three"):
        assert sorted(line["before"] for line in found if line["who"] == name) == list(range(60))


def test_only_so_many_full_files_are_kept(tmp_path: Path) -> None:
    """The oldest of them goes."""
    audit = Audit(tmp_path)
    for number in range(8):
        (tmp_path / "audit.jsonl").write_text(json.dumps({"n": number}) + " " * 1_000_000 + "\n", encoding="utf-8")
        audit.record("page", "pause")
    kept = [lines(tmp_path / f"audit.jsonl.{number}")[0]["n"] for number in range(1, 6)]
    assert kept == [7, 6, 5, 4, 3]
    assert not (tmp_path / "audit.jsonl.6").exists()


@pytest.mark.skipif(
    not hasattr(os, "geteuid") or os.geteuid() != 0, reason="only root can write for somebody else"
)
def test_what_root_begins_its_folders_owner_goes_on_writing(tmp_path: Path) -> None:
    """An operator with sudo does not take the file away from the service."""
    folder, nobody = tmp_path / "state", 65_534
    folder.mkdir()
    os.chown(folder, nobody, nobody)
    Audit(folder).record("command root", "pause main")
    assert {file.stat().st_uid for file in folder.iterdir()} == {nobody}


def test_what_cannot_be_written_is_told(tmp_path: Path) -> None:
    """The error names the change, which was made, and the file."""
    (tmp_path / "audit.jsonl").mkdir()
    with pytest.raises(AuditError, match=r"pause main: done, but .*audit\.jsonl"):
        Audit(tmp_path).record("page", "pause main")
