"""Readings as JSON lines: whole lines, never blocking, and a broken target is said once."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

from foureyes.exceptions import UsageError
from foureyes.outputs.jsonlines import JsonLines


class Dropped:
    def __init__(self) -> None:
        self.reasons: list[tuple[str, str]] = []

    def __call__(self, where: str, reason: str) -> None:
        self.reasons.append((where, reason))


def test_every_document_is_one_line(tmp_path: Path) -> None:
    """What is put is written in order, one JSON object a line, also what the file held before."""
    file, dropped = tmp_path / "readings.jsonl", Dropped()
    for batch in (range(3), range(3, 5)):
        lines = JsonLines(file, dropped)
        for number in batch:
            lines.put({"number": number, "text": "Grand\nÄ"})
        lines.close()
    assert [json.loads(line)["number"] for line in file.read_text("utf-8").splitlines()] == [0, 1, 2, 3, 4]
    assert not dropped.reasons


def test_a_full_disk_is_counted_and_does_not_stop_anything() -> None:
    """A target that takes no more bytes loses lines, counted, and nothing raises."""
    dropped = Dropped()
    lines = JsonLines(Path("/dev/full"), dropped)
    for number in range(3):
        lines.put({"number": number})
    lines.close()
    assert dropped.reasons.count(("readings", "write_failed")) == 3


def test_a_target_that_cannot_be_opened_is_told(tmp_path: Path) -> None:
    """A file in a folder that is not there is a plain sentence at the start."""
    with pytest.raises(UsageError, match="no such file"):
        JsonLines(tmp_path / "absent" / "readings.jsonl", Dropped())


def test_what_is_no_json_costs_its_line_alone(tmp_path: Path) -> None:
    """A document with NaN is left out and counted; lone surrogates are escaped; the writer goes on."""
    file, dropped = tmp_path / "readings.jsonl", Dropped()
    lines = JsonLines(file, dropped)
    for document in ({"bad": float("nan")}, {"text": "\ud800"}, {"number": 1}):
        lines.put(document)
    lines.close()
    assert [json.loads(line) for line in file.read_text("utf-8").splitlines()] == [
        {"text": "\ud800"},
        {"number": 1},
    ]
    assert dropped.reasons == [("readings", "not_json")]


WRITER = """
import os, sys
from pathlib import Path
from foureyes.outputs.jsonlines import JsonLines
reasons = []
lines = JsonLines(Path("-"), lambda where, reason: reasons.append(reason))
sys.stdin.readline()
for number in range(5000):
    lines.put({"number": number, "text": "x" * 500})
lines.close()
print(len(reasons), sorted(set(reasons)), file=sys.stderr)
"""


def written_to_a_pipe(*, closed: bool) -> tuple[int, str]:
    """Run the writer with a stdout that nobody reads, or that is closed."""
    reader, writer = os.pipe()
    child = subprocess.Popen(
        [sys.executable, "-c", WRITER], stdin=subprocess.PIPE, stdout=writer, stderr=subprocess.PIPE, text=True
    )
    os.close(writer)
    if closed:
        os.close(reader)
    _, said = child.communicate("go\n", timeout=60)
    if not closed:
        os.close(reader)
    return child.returncode, said


def test_a_closed_pipe_is_said_once_and_the_program_goes_on() -> None:
    """With its reader gone every line is counted, the fault is said once, and the program ends well."""
    code, said = written_to_a_pipe(closed=True)
    assert code == 0
    assert said.count("Broken pipe") == 1
    assert "5000 " in said


def test_a_reader_that_sleeps_holds_up_nobody() -> None:
    """With a full pipe the oldest lines go, counted, and closing is bounded."""
    code, said = written_to_a_pipe(closed=False)
    assert code == 0
    assert "'closed', 'queue_full'" in said
