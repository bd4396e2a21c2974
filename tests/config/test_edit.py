"""Changing a configuration file: only what was meant changes."""

from __future__ import annotations

import stat
from pathlib import Path

import pytest
import yaml

from foureyes.config.edit import diff, with_values, write_whole
from foureyes.config.load import SHIPPED_CONFIG
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
    write_whole(tmp_path / "link.yaml", "a: 2\n")
    assert file.read_text("utf-8") == "a: 2\n"
    assert stat.S_IMODE(file.stat().st_mode) == 0o640
    assert sorted(path.name for path in tmp_path.iterdir()) == ["link.yaml", "real.yaml"]
