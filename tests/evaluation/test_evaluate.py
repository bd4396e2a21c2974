"""`foureyes evaluate` from outside: labelled pictures in, counts out."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from parts.foureyes import foureyes
from parts.labelled import Screen, labelled
from parts.labelled.folder import CONFIG, TASK, write_folder

DAMAGED = "damaged.png"
NO_MONEY = "no money"
TWO_MODELS = CONFIG.replace("models: {read:", "models: {again: {server: engine, model_id: ocr}, read:")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two screens: the second one's truth says of each shown value another one. And a picture that is none."""
    made = tmp_path_factory.mktemp("labelled")
    right, other = _screens()
    truth = write_folder(made, [right, other])
    entries = [json.loads(line) for line in truth.read_text().splitlines()]
    entries[1]["values"] = dict.fromkeys(entries[1]["values"], NO_MONEY)
    (made / DAMAGED).write_bytes(right.data[:-200])
    entries.append({**entries[0], "picture": DAMAGED})
    truth.write_text("".join(json.dumps(entry) + "\n" for entry in entries))
    (made / "config.yaml").write_text(TWO_MODELS)
    return made


def _screens() -> list[Screen]:
    """The two of eight with the fewest fields: what is tested here is the counting."""
    return sorted(labelled(3, count=8), key=lambda screen: len(screen.fields))[:2]


def evaluate(folder: Path, *arguments: str) -> Any:
    files = ("--truth", str(folder / "truth.jsonl"), "--config", str(folder / "config.yaml"))
    return foureyes("evaluate", str(folder), *files, "--state-dir", str(folder / "state"), *arguments)


@pytest.fixture(scope="module")
def told(folder: Path) -> Any:
    """What the command prints as JSON, of the tasks' own models."""
    done = evaluate(folder, "--json")
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)["own models"]


def test_what_is_read_as_it_is_counts_as_exact(told: Any) -> None:
    """Each shown value is exact, wrong, withheld or missing, and a field that is not there rightly empty."""
    right, other = _screens()
    counts = told["all"]
    assert counts["exact"] == len(right.fields) - 1
    assert counts["empty"] == 1
    assert counts["wrong"] + counts["withheld"] == len(other.fields)
    assert counts["withheld"] == 1, "the field that the picture does not show"


def test_a_failure_is_listed_with_what_was_read(told: Any) -> None:
    """Every wrong or withheld value has its picture, its field, the truth and what came instead."""
    _, other = _screens()
    wrong = [failure for failure in told["failures"] if failure["verdict"] == "wrong"]
    assert {failure["picture"] for failure in wrong} == {other.name}
    assert all(failure["truth"] == NO_MONEY and failure["got"] is not None for failure in wrong)


def test_a_picture_that_cannot_be_read_is_a_row(told: Any) -> None:
    """The damaged picture is named with the reason, its values are missing, and the others are read."""
    right, _ = _screens()
    assert [(row["picture"], row["task"]) for row in told["not_read"]] == [(DAMAGED, TASK)]
    assert told["all"]["missing"] == len(right.fields) - 1


def test_costs_are_told(told: Any) -> None:
    """Latencies in order, one inference a picture that could be read, and the engine's CPU seconds among ours."""
    latency_ms = told["latency_ms"]
    assert 0 < latency_ms["p50"] <= latency_ms["p95"] <= latency_ms["p99"]
    assert told["inferences"] == 2
    assert told["cpu_s"] > 0.1


def test_models_stand_side_by_side(folder: Path) -> None:
    """Each --model is a column of one table; --fail-under turns a low share into exit code 1."""
    done = evaluate(folder, "--model", "read", "--model", "again", "--fail-under", "90")
    assert done.returncode == 1, done.stderr
    head, *rows = done.stdout.splitlines()
    assert head.split() == ["field", "shown", "read", "again"]
    [total] = [row.split() for row in rows if row.startswith("all ")]
    assert total[2] == total[3]
    assert f"not read by again: {DAMAGED}" in done.stdout


def test_nothing_shown_meets_no_bar(tmp_path: Path) -> None:
    """A truth file in which no value is shown has no share that --fail-under could be held against."""
    (tmp_path / "truth.jsonl").write_text('{"picture": "a.png", "task": "reading", "values": {"balance": null}}')
    (tmp_path / "config.yaml").write_text(CONFIG)
    done = evaluate(tmp_path, "--fail-under", "50")
    assert done.returncode == 2
    assert "shows no value" in done.stderr


def test_a_fault_of_the_truth_file_names_line_and_field(tmp_path: Path) -> None:
    """Nothing is started for a truth file that cannot be used: one sentence, and exit code 2."""
    (tmp_path / "truth.jsonl").write_text('\n{"picture": "a.png", "task": "reading", "values": {"blance": "1"}}')
    (tmp_path / "config.yaml").write_text(CONFIG)
    done = evaluate(tmp_path)
    assert done.returncode == 2
    assert "line 2: values.blance: the schema has no such field" in done.stderr
    assert len(done.stderr.splitlines()) == 1
