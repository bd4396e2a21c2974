"""Truth files, pictures of folders and videos, and how one field is judged: tables."""

from __future__ import annotations

import re
from pathlib import Path

import cv2
import numpy as np
import pytest
from parts.drawing import BLUE, GREEN, RED, plain, shows

from foureyes.evaluation.outcome import Answered, Outcome
from foureyes.evaluation.pictures import pictures_in
from foureyes.evaluation.score import Score
from foureyes.evaluation.truth import Case, Truth, Withheld, load_truth
from foureyes.evaluation.verdict import Verdict, judge
from foureyes.exceptions import SourceMissingError, TruthError

TASKS = {"read": ("grand", "since", "progress")}
YAML = """\
# what the screens show
- picture: one.png
  task: read
  values: {grand: "1785.42", since: "2026-11-21"}
- {at_s: 1.5, task: read, values: {grand: {withheld: ambiguous}, progress: 12.5, since: null}}
"""


@pytest.mark.parametrize(
    ("truth", "value", "reason", "verdict"),
    [
        ("1785.42", "1785.42", None, Verdict.EXACT),
        ("1785.4", "1785.40", None, Verdict.EXACT),
        ("1785.42", "178542", None, Verdict.WRONG),
        ("Running", "running", None, Verdict.WRONG),
        ("14:05:00", "14:05:00", None, Verdict.EXACT),
        (12.5, 12.5, None, Verdict.EXACT),
        (1, True, None, Verdict.WRONG),
        (True, True, None, Verdict.EXACT),
        (0, 0, None, Verdict.EXACT),
        ("1785.42", None, "conflict", Verdict.WITHHELD),
        (Withheld("ambiguous"), None, "ambiguous", Verdict.EMPTY),
        (Withheld("ambiguous"), None, "unreadable", Verdict.OTHER_REASON),
        (Withheld("absent"), "3", None, Verdict.WRONG),
        (None, None, "absent", Verdict.EMPTY),
        (None, "3", None, Verdict.WRONG),
    ],
)
def test_a_field_is_judged(truth: Truth, value: object, reason: str | None, verdict: Verdict) -> None:
    """Amounts are equal as numbers, texts as texts; what is published where nothing is shown is wrong."""
    assert judge(truth, value, reason) is verdict


def test_a_truth_file_may_be_yaml(tmp_path: Path) -> None:
    """The same entries as a list, with comments."""
    (tmp_path / "truth.yaml").write_text(YAML)
    first, second = load_truth(tmp_path / "truth.yaml", TASKS)
    assert (first.place, first.values) == ("one.png", {"grand": "1785.42", "since": "2026-11-21"})
    assert (second.place, second.values["grand"]) == ("1.5 s", Withheld("ambiguous"))


@pytest.mark.parametrize(
    ("written", "named"),
    [
        (YAML.replace('"2026-11-21"', "2026-11-21"), "line 2: values.since"),
        (YAML.replace("at_s: 1.5", "at_s: -1"), "line 5: at_s"),
        ("picture: one.png", "must hold a list"),
        ("- [", "is no YAML"),
        ("- {picture: 2026-99-99}", "is no YAML: month"),
        ("[" * 5_000, "is no YAML: maximum recursion"),
    ],
)
def test_a_fault_of_yaml_names_its_line(tmp_path: Path, written: str, named: str) -> None:
    """A date without quotes is no text: the line and the field say where."""
    (tmp_path / "truth.yml").write_text(written)
    with pytest.raises(TruthError, match=named):
        load_truth(tmp_path / "truth.yml", TASKS)


@pytest.mark.parametrize(
    ("entry", "named"),
    [
        ("{", "line 1: no JSON"),
        ('{"picture": "a.png", "task": "other", "values": {"grand": "1"}}', "line 1: task: no task 'other'"),
        ('{"picture": "a.png", "task": "read", "values": {"grand": ["1"]}}', "line 1: values.grand"),
        ('{"picture": "a.png", "task": "read", "values": {}}', "line 1: values"),
        ('{"task": "read", "values": {"grand": "1"}}', "line 1: picture"),
        ('{"picture": "a.png", "at_s": 1, "task": "read", "values": {"grand": "1"}}', "line 1: picture"),
        ('{"picture": "a.png", "task": "read", "values": {"a": 1}, "schema": {}}', "line 1: schema"),
        ('\n\n{"picture": "a.png", "task": "read", "values": {"a": NaN}}', "line 3: values.a"),
        ("\n", "has no entry"),
        ("[" * 100_000, "line 1: no JSON: maximum recursion"),
        ('{"picture": "a\\u0000.png", "task": "read", "values": {"grand": "1"}}', "line 1: picture"),
    ],
)
def test_a_fault_of_json_lines_names_line_and_field(tmp_path: Path, entry: str, named: str) -> None:
    """Every fault is a sentence that says where it is."""
    (tmp_path / "truth.jsonl").write_text(entry)
    with pytest.raises(TruthError, match=named):
        load_truth(tmp_path / "truth.jsonl", TASKS)


def test_a_moment_of_a_video_is_a_picture(tmp_path: Path) -> None:
    """at_s counts seconds from the beginning; behind the end there is no picture, and a folder has no moments."""
    video = tmp_path / "three.avi"
    writer = cv2.VideoWriter(str(video), cv2.VideoWriter.fourcc(*"MJPG"), 2.0, (64, 48))
    for colour in (RED, RED, GREEN, GREEN, BLUE, BLUE):
        writer.write(plain(colour))
    writer.release()
    picture_of = pictures_in(video)
    for at_s, colour in ((0.0, RED), (1.0, GREEN), (1.9, GREEN), (2.5, BLUE)):
        assert shows(picture_of(_case(at_s=at_s)).pixels, colour, 30, 20)
    for at_s in (3.0, 9.0, 1e308):
        with pytest.raises(SourceMissingError, match=f"no frame at {re.escape(f'{at_s:g}')} s"):
            picture_of(_case(at_s=at_s))
    with pytest.raises(SourceMissingError, match="name a picture"):
        pictures_in(tmp_path)(_case(at_s=0.0))


def test_only_pictures_of_the_folder_are_read(tmp_path: Path) -> None:
    """A truth file cannot reach for files elsewhere."""
    folder = tmp_path / "pictures"
    folder.mkdir()
    cv2.imwrite(str(tmp_path / "secret.png"), plain(RED))
    with pytest.raises(SourceMissingError, match="outside"):
        pictures_in(folder)(_case(picture="../secret.png"))


def test_percentiles_are_of_what_was_asked() -> None:
    """A picture that was not read has no latency and is no inference."""
    answers = [Outcome(_case(picture="a.png"), Answered({"grand": "1"}, {}, float(ms))) for ms in range(1, 101)]
    score = Score([*answers, Outcome(_case(picture="b.png"), None, "damaged")])
    assert score.inferences() == 100
    assert score.latency_ms() == {"p50": 50.5, "p95": pytest.approx(95, 0.01), "p99": pytest.approx(99, 0.01)}
    assert score.total().as_dict()["missing"] == 1
    assert score.total().exact_percent == pytest.approx(100 * 100 / 101)


def _case(**place: object) -> Case:
    return Case.model_validate({"task": "read", "values": {"grand": "1"}, **place})


def test_an_empty_score_has_no_latency() -> None:
    """Nothing was asked: null, not zero."""
    assert set(Score([]).latency_ms().values()) == {None}
    assert np.isfinite(Score([]).total().exact_percent)
