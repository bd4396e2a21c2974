"""Changing a configuration file: only what was meant changes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from foureyes.config import SHIPPED_CONFIG
from foureyes.config.edit import Change, diff, rewrite, with_changes, with_values
from foureyes.exceptions import UsageError

SHIPPED = [SHIPPED_CONFIG, *sorted(SHIPPED_CONFIG.parent.glob("*.yaml"))]


@pytest.mark.parametrize("file", SHIPPED, ids=lambda file: file.name)
def test_every_other_line_stays(file: Path) -> None:
    """Setting a region adds lines and takes none away: comments, order and layout stay."""
    before = file.read_text("utf-8")
    task = next(iter(yaml.safe_load(before)["tasks"]))
    after = with_values(before, ["tasks", task, "regions"], {"one": (0.1, 0.2, 0.3, 0.4)})
    changes = [line for line in diff(before, after, "f").splitlines()[3:] if line[0] in "+-"]
    assert not [line for line in changes if line.startswith("-")]
    assert yaml.safe_load(after)["tasks"][task]["regions"]["one"] == [0.1, 0.2, 0.3, 0.4]
    assert with_values(after, ["tasks", task, "regions"], {"one": (0.1, 0.2, 0.3, 0.4)}) == after


def test_a_region_that_is_there_is_changed_in_its_line() -> None:
    """A value that is set anew keeps the comment behind it."""
    before = "tasks:\n  a:\n    regions:\n      one: [0, 0, 1, 1]  # all of it\n    models: [m]\n"
    after = with_values(before, ["tasks", "a", "regions"], {"one": (0.5, 0.5, 0.1, 0.1)})
    assert after.splitlines()[3].split() == ["one:", "[0.5,", "0.5,", "0.1,", "0.1]", "#", "all", "of", "it"]
    assert after.splitlines()[:3] + after.splitlines()[4:] == before.splitlines()[:3] + before.splitlines()[4:]


def test_what_is_no_mapping_is_left_alone() -> None:
    """A file whose `regions` is something else is refused with its name."""
    with pytest.raises(UsageError, match="regions is no mapping"):
        with_values("tasks: {a: {regions: 3}}\n", ["tasks", "a", "regions"], {"one": (0, 0, 1, 1)})


def test_the_file_is_replaced_wholly_and_keeps_its_mode(tmp_path: Path) -> None:
    """The new text is in place, with the mode of the old, also behind a link, and nothing lies beside it."""
    file = tmp_path / "real.yaml"
    file.write_text("a: 1\n", encoding="utf-8")
    file.chmod(0o640)
    (tmp_path / "link.yaml").symlink_to(file)
    rewrite(tmp_path / "link.yaml", "a: 2\n")
    assert file.read_text("utf-8") == "a: 2\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]


FILE = """\
tasks:
  a:
    models: [m]
    regions:
      one: [0, 0, 1, 1]  # all of it
      two: [0, 0, 0.5, 0.5]  # a quarter

  # about b
  b:
    prompt: plain
    schema:
      properties:
        x: {enum: [p, q, null], title: X}   # which
        y: {type: [string, "null"]}
"""


@pytest.mark.parametrize(
    ("change", "gone", "new"),
    [
        (Change(("tasks", "a", "regions", "two"), None), ["      two: [0, 0, 0.5, 0.5]  # a quarter"], []),
        (Change(("tasks", "a", "regions", "three"), [0, 0, 1, 0.5]), [], ["      three: [0, 0, 1, 0.5]"]),
        (Change(("tasks", "c", "regions", "one"), None), [], []),
        (Change(("tasks", "b", "prompt"), "on"), ["    prompt: plain"], ['    prompt: "on"']),
        (Change(("tasks", "b", "prompt"), "a: b\n# c\n"), ["    prompt: plain"],
         ["    prompt: |", "      a: b", "      # c"]),
        (Change(("tasks", "b", "schema", "properties", "y", "type"), ["number", "null"]),
         ['        y: {type: [string, "null"]}'], ['        y: {type: [number, "null"]}']),
        (Change(("tasks", "b", "schema"), {"properties": {"x": {"enum": ["p", "q", None], "title": "X"}}}),
         ['        y: {type: [string, "null"]}'], []),
    ],
)  # fmt: skip
def test_a_change_touches_its_own_lines(change: Change, gone: list[str], new: list[str]) -> None:
    """What is set, put in or taken out is its own lines alone; comments and blank lines stay where they were."""
    lines = diff(FILE, with_changes(FILE, [change]), "f").splitlines()[3:]
    assert [line[1:] for line in lines if line[0] == "-"] == gone
    assert [line[1:] for line in lines if line[0] == "+"] == new


@pytest.mark.parametrize("text", ["a: [", "a: 1\na: 2\n", "", "- a\n"])
def test_a_text_that_is_no_configuration_is_told(text: str) -> None:
    """A broken file is no place to change anything in."""
    with pytest.raises(UsageError):
        with_changes(text, [Change(("tasks", "a"), 1)])
