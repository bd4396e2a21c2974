"""The log files: JSON lines, errors apart, private, rotated, and without secrets."""

from __future__ import annotations

import json
import logging
import os
import stat
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from loguru import logger

from foureyes.config.settings import Log
from foureyes.exceptions import UsageError
from foureyes.telemetry.log import event, log_context, start_logging


@pytest.fixture(autouse=True)
def _own_handlers() -> Iterator[None]:
    yield
    logger.remove()
    logging.basicConfig(handlers=[logging.NullHandler()], force=True)


def lines(file: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in file.read_text("utf-8").splitlines()]


def test_an_event_is_one_json_line_with_its_context(tmp_path: Path) -> None:
    """Name, message, fields and context are on the line; the time is UTC."""
    start_logging(Log(), tmp_path, console=False)
    with log_context(frame_id="main-000007", task="vision_ocr"):
        event("request.done", "it answered {really}", duration_ms=12.5, outcome="ok")
    (line,) = lines(tmp_path / "foureyes.log")
    assert line["event"] == "request.done"
    assert line["message"] == "it answered {really}"
    assert (line["frame_id"], line["task"], line["duration_ms"]) == ("main-000007", "vision_ocr", 12.5)
    assert line["ts"].endswith("+00:00")


def test_errors_stand_in_a_file_of_their_own(tmp_path: Path) -> None:
    """errors.log has the errors alone, with their traceback; the combined log has everything."""
    start_logging(Log(), tmp_path, console=False)
    event("fine", "all is well")
    event("bad", "it broke", level="error", error=ValueError("broken"))
    assert [line["event"] for line in lines(tmp_path / "foureyes.log")] == ["fine", "bad"]
    (line,) = lines(tmp_path / "errors.log")
    assert "ValueError: broken" in line["exception"]


def test_secrets_reach_no_file(tmp_path: Path) -> None:
    """Message, fields and exception text are redacted before they are written."""
    start_logging(Log(), tmp_path, console=False)
    error = ValueError("password=hunter22")
    event("bad", "Bearer hunter22hunter22", level="error", error=error, password="hunter22")  # noqa: S106 - the point
    assert "hunter22" not in (tmp_path / "foureyes.log").read_text("utf-8")


def test_what_libraries_log_goes_the_same_way(tmp_path: Path) -> None:
    """A warning of a library through the standard library is a line of ours, without its secrets."""
    start_logging(Log(), tmp_path, console=False)
    logging.getLogger("a.dependency").warning("token=hunter22")
    (line,) = lines(tmp_path / "foureyes.log")
    assert line["event"] == "a.dependency"
    assert "hunter22" not in line["message"]


def test_files_are_rotated_kept_and_private(tmp_path: Path) -> None:
    """Beyond their size files are rotated, only so many are kept, and nobody else may read them."""
    start_logging(Log(max_bytes=10_000, keep=2), tmp_path, console=False)
    for number in range(400):
        event("much", "x" * 200, number=number)
    kept = list(tmp_path.glob("foureyes*.log"))
    assert 2 <= len(kept) <= 3
    assert all(file.stat().st_size < 11_000 for file in kept)
    assert all(stat.S_IMODE(file.stat().st_mode) == 0o600 for file in kept)


def test_a_folder_that_cannot_be_written_is_told(tmp_path: Path) -> None:
    """A log folder that is a file is a plain sentence."""
    (tmp_path / "taken").write_text("")
    with pytest.raises(UsageError, match="log folder"):
        start_logging(Log(), tmp_path / "taken", console=False)


def test_the_console_is_for_people(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """The console shows time, level and message with a few fields, and no traceback."""
    start_logging(Log(), tmp_path)
    event("bad", "it broke", level="error", error=ValueError("inside"), task="vision_ocr", hidden="field")
    logger.remove()
    shown = capsys.readouterr().err
    assert "error" in shown
    assert "it broke  (task=vision_ocr)" in shown
    assert "Traceback" not in shown


def test_what_was_read_cannot_steer_the_terminal(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    """Escape sequences in a message or a field are shown as text; further lines stay with their record."""
    start_logging(Log(), tmp_path)
    event("read", "first\nsecond \x1b[2J", task="\x9b31m\r")
    logger.remove()
    shown = capsys.readouterr().err
    assert "first\n    second \\x1b[2J  (task=\\x9b31m\\x0d)" in shown


SLEEPING_READER = """
import sys
from pathlib import Path
from foureyes.config.settings import Log
from foureyes.telemetry.log import event, start_logging
start_logging(Log(), Path(sys.argv[1]))
for number in range(3000):
    event("much", "x" * 200, number=number)
"""


def test_a_console_that_nobody_reads_stops_nothing(tmp_path: Path) -> None:
    """With stderr a full pipe the program logs on, into its file, and ends."""
    reader, writer = os.pipe()
    try:
        done = subprocess.run(
            [sys.executable, "-c", SLEEPING_READER, str(tmp_path)], stderr=writer, timeout=60, check=False
        )
    finally:
        os.close(reader)
        os.close(writer)
    assert done.returncode == 0
    assert len(lines(tmp_path / "foureyes.log")) == 3000
