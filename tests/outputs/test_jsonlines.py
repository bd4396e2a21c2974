"""Readings as JSON lines: whole lines, never blocking, and a broken target is said once."""

from __future__ import annotations

import json
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
