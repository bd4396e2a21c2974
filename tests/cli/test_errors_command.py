"""`foureyes errors` as its users run it, on a state folder without a daemon."""

from __future__ import annotations

import json
import sqlite3
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pytest
from parts.auditing import audited
from parts.faulty import groups, raised, recording

from foureyes.cli.app import main
from foureyes.errors.spool import spool_file
from foureyes.exceptions import InferenceError, SourceLostError

HOSTILE = "```\n# hostile\x1b[31m `rm -rf` ${HOME}"


@dataclass(frozen=True)
class Ended:
    """What a command said, and its exit code."""

    code: int
    stdout: str
    stderr: str


Errors = Callable[..., Ended]


@pytest.fixture
def errors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> Errors:
    """`foureyes errors` on a state folder, in this process: its start-up alone takes longer than these tests."""

    def run(*arguments: str) -> Ended:
        monkeypatch.setattr(sys, "argv", ["foureyes", "errors", *arguments, "--state-dir", str(tmp_path)])
        with pytest.raises(SystemExit) as ended:
            main()
        said = capsys.readouterr()
        return Ended(int(ended.value.code or 0), said.out, said.err)

    return run


@pytest.fixture
def recorded(tmp_path: Path) -> None:
    """Three kinds of faults are recorded."""
    with recording(tmp_path) as running:
        for _ in range(12):
            running.recorder.record(raised(InferenceError("task 'ocr' could not be read")), "task:ocr")
        running.recorder.record(raised(SourceLostError("OBS has gone")), "source:main")
        running.recorder.record(raised(ValueError(HOSTILE)), "web")


@pytest.mark.usefixtures("recorded")
def test_list_show_and_stats_tell_what_is_recorded(errors: Errors) -> None:
    """The list has a line a group; filters narrow it; a group is shown by its beginning; totals are right."""
    assert len(errors("list").stdout.splitlines()) == 3
    (group,) = json.loads(errors("list", "--json", "--class", "VisionInference", "--since", "1h").stdout)
    assert (group["component"], group["count"], group["severity"]) == ("task:ocr", 12, "high")
    shown = json.loads(errors("show", group["fingerprint"][:12], "--json").stdout)
    assert [event["occurrence"] for event in shown["events"]] == [10, 1]
    found = json.loads(errors("stats", "--json").stdout)
    assert (found["groups"], found["faults"], found["events_kept"]) == (3, 14, 4)
    assert found["by_component"] == {"task:ocr": 12, "source:main": 1, "web": 1}


@pytest.mark.usefixtures("recorded")
def test_resolve_and_mute_change_a_group_and_leave_an_audit(errors: Errors, tmp_path: Path) -> None:
    """What a person says of a group is kept with it, and who looks later sees when it was said."""
    by_component = {group.component: group for group in groups(tmp_path)}
    assert errors("resolve", by_component["task:ocr"].fingerprint).code == 0
    assert errors("mute", by_component["web"].fingerprint, "--times", "5").code == 0
    after = {group.component: group for group in groups(tmp_path)}
    assert (after["task:ocr"].status, after["web"].status) == ("resolved", "muted")
    assert after["web"].muted_until_count == 6
    with sqlite3.connect(spool_file(tmp_path)) as spool:
        assert [row[0] for row in spool.execute("SELECT what FROM audit ORDER BY sequence")] == [
            "resolved",
            "muted",
        ]
    spool.close()
    told = [
        (line["what"].split()[1], line["before"]["status"], line["after"]["status"]) for line in audited(tmp_path)
    ]
    assert told == [("resolve", "new", "resolved"), ("mute", "new", "muted")]


@pytest.mark.usefixtures("recorded")
def test_a_page_a_group_is_exported_and_no_message_breaks_out_of_it(errors: Errors, tmp_path: Path) -> None:
    """Each page has the message, the frames and the next step; a hostile message stays inside its fence."""
    folder = tmp_path / "pages"
    assert "3 groups" in errors("export", str(folder)).stdout
    pages = {page.name: page.read_text("utf-8") for page in folder.glob("*.md")}
    assert {f"{group.fingerprint}.md" for group in groups(tmp_path)} == pages.keys()
    hostile = next(page for page in pages.values() if "ValueError" in page)
    headings = [line for line in _outside_fences(hostile) if line.startswith("#")]
    assert headings[0] == "# `ValueError` in `web`"
    assert not any("hostile" in line for line in headings)
    assert (
        "\x1b" not in errors("show", next(g.fingerprint for g in groups(tmp_path) if g.component == "web")).stdout
    )


def _outside_fences(page: str) -> list[str]:
    outside, fence = [], ""
    for line in page.splitlines():
        ticks = line[: len(line) - len(line.lstrip("`"))]
        if fence:
            fence = "" if line == fence else fence
        elif len(ticks) >= 3:
            fence = ticks
        else:
            outside.append(line)
    return outside


@pytest.mark.parametrize(
    ("arguments", "code", "said"),
    [
        (("show", "1-nothing"), 1, "no fault is known as '1-nothing'"),
        (("list", "--since", "yesterday"), 2, "write 2026-11-21T10:00"),
        (("mute", "1-nothing"), 2, "say how long"),
        (("mute", "1-nothing", "--for", "long"), 1, "no fault is known"),
    ],
)
def test_what_cannot_be_is_a_sentence(
    errors: Errors, tmp_path: Path, arguments: tuple[str, ...], code: int, said: str
) -> None:
    """A wrong call, and a folder in which nothing was ever recorded, are told plainly; nothing is made."""
    ended = errors(*arguments)
    assert (ended.code, ended.stdout) == (code, "")
    assert said in ended.stderr
    assert not spool_file(tmp_path).exists()


def test_nothing_recorded_is_an_empty_list(errors: Errors, tmp_path: Path) -> None:
    """Without a spool the list is empty, and none is made by looking."""
    assert json.loads(errors("list", "--json").stdout) == []
    assert not spool_file(tmp_path).exists()
