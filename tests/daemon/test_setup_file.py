"""A change of the configuration file as a draft: where it goes, and what it may not do."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import Any

import pytest
import yaml

from foureyes.config import SHIPPED_CONFIG, load_settings
from foureyes.daemon.setup_file import ConfigFile, drafted, why_not_written, written
from foureyes.exceptions import ChangedMeanwhileError, UsageError
from foureyes.web.setup_questions import AnyChange, EditQuestion

RECT = [0.1, 0.2, 0.3, 0.4]
FILE = """\
sources:
  - {id: left, kind: demo}
  - id: right       # the other one
    kind: demo
models:
  read: {model_id: ocr}
tasks:
  t:
    models: [read]
    schema: {type: object, properties: {a: {type: [string, "null"]}, b: {type: [string, "null"]}}}
mongo: {uri: "mongodb://user:hunter22@db/x"}
"""


@pytest.fixture
def file(tmp_path: Path) -> ConfigFile:
    path = tmp_path / "config.yaml"
    path.write_text(FILE, "utf-8")
    return ConfigFile(path, lambda text: load_settings(path, {}, text))


def changes(*documents: dict[str, Any]) -> list[AnyChange]:
    return list(EditQuestion.model_validate({"changes": documents}).changes)


def region(**settings: Any) -> dict[str, Any]:
    return {"kind": "region", "task": "t", "field": "a", "region": RECT, **settings}


def test_a_region_of_one_source_goes_to_that_source(file: ConfigFile) -> None:
    """The source's own regions are made where they are missing, and can be taken away again."""
    after = drafted(file, changes(region(source="right"), region(source="left", field="*"))).after
    sources = yaml.safe_load(after)["sources"]
    assert [each["regions"] for each in sources] == [{"t": {"*": RECT}}, {"t": {"a": RECT}}]
    assert "# the other one" in after
    file.path.write_text(after, "utf-8")
    gone = drafted(file, changes(region(source="right", region=None)))
    assert yaml.safe_load(gone.after)["sources"][1]["regions"] == {"t": {}}


def test_what_is_not_there_need_not_be_taken_away(file: ConfigFile) -> None:
    """A region or a prompt that nobody set is no change."""
    draft = drafted(file, changes(region(region=None), {"kind": "prompt", "task": "t", "prompt": None}))
    assert (draft.diff, draft.after) == ("", FILE)


def test_a_secret_beside_the_change_is_not_shown(file: ConfigFile) -> None:
    """The lines around a change may hold one: it is in the file, and not in the difference."""
    draft = drafted(file, changes(region()))
    assert "hunter22" in draft.after
    assert "mongo" in draft.diff
    assert "hunter22" not in draft.diff


def test_what_is_set_elsewhere_is_not_written_in_vain(file: ConfigFile, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the environment says otherwise the file would change nothing: that is told."""
    monkeypatch.setenv("FOUREYES_TASKS__T__PROMPT", "from elsewhere")
    with pytest.raises(UsageError, match="environment"):
        drafted(file, changes({"kind": "prompt", "task": "t", "prompt": "mine"}))


def test_a_file_that_is_broken_by_now_is_left_alone(file: ConfigFile) -> None:
    """Its fault is told, not one of the change."""
    file.path.write_text(FILE + "nonsense: 1\n", "utf-8")
    with pytest.raises(UsageError, match="faults by now: nonsense"):
        drafted(file, changes(region()))
    file.path.write_text("x" * 300_000, "utf-8")
    with pytest.raises(UsageError, match="by hand"):
        drafted(file, changes(region()))
    file.path.unlink()
    with pytest.raises(UsageError, match="cannot be read"):
        drafted(file, changes(region()))


def test_only_what_was_seen_is_written(file: ConfigFile) -> None:
    """A digest stands for one change of one file; written it keeps the file's mode."""
    file.path.chmod(0o640)
    seen = drafted(file, changes(region()))
    with pytest.raises(ChangedMeanwhileError):
        written(file, changes(region(field="b")), seen.digest)
    assert file.path.read_text("utf-8") == FILE
    assert written(file, changes(region()), seen.digest) == seen
    assert file.path.read_text("utf-8") == seen.after
    assert file.path.stat().st_mode & 0o777 == 0o640
    with pytest.raises(ChangedMeanwhileError):
        written(file, changes(region()), seen.digest)


def test_the_shipped_file_is_shown_and_never_written() -> None:
    """A daemon without a file of its own drafts on the one that all share, and says what to do."""
    shipped = ConfigFile(SHIPPED_CONFIG, partial(load_settings, None, None))
    wish = changes(region(task="vision_ocr", field="grand"))
    seen = drafted(shipped, wish)
    assert f"+      grand: {RECT}" in seen.diff
    with pytest.raises(UsageError, match="begin with a copy"):
        written(shipped, wish, seen.digest)
    assert "--config" in str(why_not_written(shipped))
