"""Set-up by pointing over HTTP: a real daemon with the engine, its live picture and its file."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import httpx
import pytest
import yaml
from parts.direct import DIRECT
from parts.pointed import GRAND, Pointed, pointed
from parts.watched import MONEY, metric

EVIL = "<img src=x onerror=alert(1)>\u202e"
REGION = {"kind": "region", "task": "amounts", "field": "grand", "region": GRAND}


@pytest.fixture(scope="module")
def till(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Pointed]:
    with pointed(tmp_path_factory.mktemp("pointed")) as running:
        yield running


def asked(till: Pointed, route: str, question: dict[str, Any], **headers: str) -> httpx.Response:
    """Ask without a token, as the page of an operator on this machine does."""
    return httpx.post(till.daemon.url + route, json=question, headers=headers, timeout=60, **DIRECT)


def answered(till: Pointed, route: str, question: dict[str, Any]) -> dict[str, Any]:
    response = asked(till, route, question)
    assert response.status_code == 200, response.text
    return dict(response.json())


def refused(response: httpx.Response, status: int) -> str:
    assert response.status_code == status, response.text
    return str(response.json()["error"]["message"])


def approved(till: Pointed, *changes: dict[str, Any]) -> httpx.Response:
    """Have changes drafted, and write them as they were seen."""
    draft = answered(till, "/api/try/edit", {"changes": list(changes)})
    return till.daemon.post("/api/setup/apply", {"digest": draft["digest"], "changes": list(changes)})


def test_what_stands_in_a_region_is_read_at_once(till: Pointed) -> None:
    """A region gives its text and the field's value, dated; where nothing stands, nothing is read."""
    answer = answered(till, "/api/try/read", {"region": GRAND, "task": "amounts", "field": "grand"})
    assert answer["reading"]["values"] == {"grand": "1785.42"}
    assert "1,785.42" in answer["text"]["values"]["text"]
    assert (answer["source"], answer["reading"]["model"], answer["box"][:2]) == ("main", "read", [32, 32])
    assert answer["captured_at"] == answer["reading"]["captured_at"]
    empty = answered(till, "/api/try/read", {"region": [0.8, 0.8, 0.1, 0.1], "task": "amounts"})
    assert empty["reading"]["withheld"] == {"grand": "absent", "balance": "absent"}
    assert empty["text"]["values"]["text"] is None


def test_regions_are_suggested(till: Pointed) -> None:
    """Each field that stands on the picture gets a region in which it reads alike; a task of states gets none."""
    found = answered(till, "/api/try/suggest", {})["tasks"]
    assert [name for name, each in found.items() if each["regions"]] == ["amounts"]
    assert found["amounts"]["values"] == {"grand": "1785.42", "balance": "12.50"}
    for name, region in found["amounts"]["regions"].items():
        inside = answered(till, "/api/try/read", {"region": region, "task": "amounts", "field": name})
        assert inside["reading"]["values"][name] == found["amounts"]["values"][name]


def test_a_task_is_tried_with_another_schema(till: Pointed) -> None:
    """What a field would be under another title and type is read, and neither file nor task has changed."""
    before = till.file.read_bytes()
    schema = {"type": "object", "properties": {"left": {**MONEY, "title": "Balance"}}}
    answer = answered(till, "/api/try/task", {"task": "amounts", "schema": schema, "prompt": EVIL})
    assert answer["reading"]["values"] == {"left": "12.50"}
    assert till.file.read_bytes() == before
    assert set(till.daemon.get("/api/setup")["tasks"]["amounts"]["schema"]["properties"]) == {"grand", "balance"}


def test_a_region_is_approved_saved_and_in_force(till: Pointed) -> None:
    """The diff adds a line and takes none away; only the token writes it; then it is read there, and audited."""
    before = till.file.read_text("utf-8")
    draft = answered(till, "/api/try/edit", {"changes": [REGION]})
    assert [line for line in draft["diff"].splitlines()[2:] if line[0] in "+-"] == [
        "+    regions:",
        f"+      grand: {GRAND}",
    ]
    wish = {"digest": draft["digest"], "changes": [REGION]}
    assert "token" in refused(asked(till, "/api/setup/apply", wish), 401)
    assert till.file.read_text("utf-8") == before
    assert till.daemon.post("/api/setup/apply", wish).json() == {"file": "config.yaml", "refused": None}
    after = till.file.read_text("utf-8")
    assert set(before.splitlines()) < set(after.splitlines())
    assert till.daemon.get("/api/setup")["tasks"]["amounts"]["regions"] == {"grand": GRAND}
    [change] = [each for each in till.daemon.audited() if each["what"] == "configuration config.yaml"]
    assert f"\n+      grand: {GRAND}\n" in change["after"]
    assert change["who"].startswith("api ")


def test_a_file_that_changed_meanwhile_is_not_written(till: Pointed) -> None:
    """What was written into the file between the diff and its approval stays; the diff is to be seen anew."""
    change = {"kind": "region", "task": "amounts", "field": "balance", "region": [0.05, 0.5, 0.5, 0.2]}
    draft = answered(till, "/api/try/edit", {"changes": [change]})
    till.file.write_text(till.file.read_text("utf-8") + "# by hand\n", "utf-8")
    wish = {"digest": draft["digest"], "changes": [change]}
    assert "look at it again" in refused(till.daemon.post("/api/setup/apply", wish), 409)
    assert till.file.read_text("utf-8").endswith("# by hand\n")
    other = {**change, "region": [0.0, 0.5, 0.5, 0.2]}
    fresh = answered(till, "/api/try/edit", {"changes": [change]})
    assert (draft["is_in_force"], fresh["is_in_force"]) == (True, True)  # a comment changes nothing
    assert (
        till.daemon.post("/api/setup/apply", {**wish, "digest": fresh["digest"], "changes": [other]}).status_code
        == 409
    )
    assert "balance: [" not in till.file.read_text("utf-8")


def test_what_the_loader_would_refuse_is_not_drafted(till: Pointed) -> None:
    """A schema of no answer, what is not there and a value that two tasks share are told before the diff."""
    shared = {"type": "object", "properties": {"a": {"enum": ["b", None]}}}
    shown = [
        ({"kind": "schema", "task": "amounts", "schema": {"type": "array"}}, "would be refused"),
        ({"kind": "region", "task": "amounts", "field": "nope", "region": GRAND}, "unknown field 'nope'"),
        ({"kind": "region", "task": "nope", "field": "grand", "region": GRAND}, "no task 'nope'"),
        ({"kind": "region", "task": "amounts", "field": "grand", "region": GRAND, "source": "x"}, "no source 'x'"),
        ({"kind": "schema", "task": "room", "schema": shared}, "anchor"),
    ]
    for change, words in shown:
        assert words in refused(asked(till, "/api/try/edit", {"changes": [change]}), 400)


def test_prompt_and_schema_are_written_as_a_person_would(till: Pointed) -> None:
    """Comments beside what stays are kept, what YAML would take otherwise is quoted, hostile text is text."""
    schema = till.daemon.get("/api/setup")["tasks"]["amounts"]["schema"]
    schema["properties"]["open"] = {"enum": ["yes", "no", None]}
    changes = [
        {"kind": "prompt", "task": "amounts", "prompt": f"Read: all\n- !!python/object {EVIL}\n"},
        {"kind": "schema", "task": "amounts", "schema": schema},
    ]
    assert approved(till, *changes).json()["refused"] is None
    text = till.file.read_text("utf-8")
    assert "# the big one" in text
    assert '{enum: ["yes", "no", null]}' in text
    task = yaml.safe_load(text)["tasks"]["amounts"]
    assert (task["prompt"], task["schema"]) == (changes[0]["prompt"], schema)
    assert till.daemon.get("/api/setup")["tasks"]["amounts"]["prompt"] == changes[0]["prompt"]


def test_a_state_is_taught_and_forgotten(till: Pointed) -> None:
    """One request keeps the live picture as a state, which the task then tells; forgetting undoes it."""
    taught = till.daemon.post("/api/setup/teach", {"task": "room", "label": "lobby"})
    assert taught.status_code == 200, taught.text
    assert taught.json()["captured_at"]

    def is_told() -> bool:
        return {"name": "lobby"} in [each["values"] for each in till.daemon.readings() if each["task"] == "room"]

    till.daemon.wait(is_told, "the taught state is told")
    assert "already" in refused(till.daemon.post("/api/setup/teach", {"task": "room", "label": "cellar"}), 400)
    assert "token" in refused(asked(till, "/api/setup/teach", {"task": "room", "label": "lobby"}), 401)
    digest = taught.json()["digest"]
    assert till.daemon.post("/api/setup/forget", {"task": "room", "digest": digest}).status_code == 200
    assert till.daemon.get("/api/setup")["tasks"]["room"]["taught"] == []
    told = [(each["what"], len(each["before"]), len(each["after"])) for each in till.daemon.audited()[-2:]]
    assert told == [("teach room", 0, 1), ("teach forget room", 1, 0)]


def nested(depth: int) -> dict[str, Any]:
    return {"type": "object", "properties": {}} if depth == 0 else {"not": nested(depth - 1)}


@pytest.mark.parametrize(
    ("route", "question"),
    [
        ("read", {"region": [0.5, 0.5, 0.6, 0.1]}),
        ("read", {"region": [0, 0, 1]}),
        ("read", {"region": GRAND, "task": "../../etc"}),
        ("read", {"region": GRAND, "task": "amounts", "field": EVIL}),
        ("read", {"region": GRAND, "source": "elsewhere"}),
        ("read", {"region": GRAND, "extra": 1}),
        ("task", {"task": "amounts", "schema": nested(40)}),
        ("task", {"task": "amounts", "schema": {"description": "x" * 40_000}}),
        ("task", {"task": "amounts", "prompt": "x" * 10_001}),
        ("task", {"task": "amounts", "schema": {"type": "object", "properties": {
            "a": {"type": ["string", "null"], "pattern": "(a+)+$"}}}}),
        ("task", {"task": "amounts", "schema": {"$ref": "file:///etc/passwd"}}),
        ("edit", {"changes": [REGION] * 101}),
        ("edit", {"changes": []}),
    ],
)  # fmt: skip
def test_bad_questions_are_refused(till: Pointed, route: str, question: dict[str, Any]) -> None:
    """What is beyond the bounds or names what is not there gets a sentence, is no fault and changes nothing."""
    before = till.file.read_bytes()
    assert refused(asked(till, f"/api/try/{route}", question), 400)
    assert till.file.read_bytes() == before


def test_too_much_is_not_taken_in(till: Pointed) -> None:
    """A body beyond the bound is refused for its size alone."""
    assert asked(till, "/api/try/edit", {"changes": [REGION], "x": "y" * 300_000}).status_code == 413


def test_a_form_of_another_page_is_no_question(till: Pointed) -> None:
    """Only JSON that says so is taken, which no form of a foreign page can send."""
    body = '{"region": [0, 0, 1, 1]}'
    headers = {"Content-Type": "text/plain"}
    response = httpx.post(f"{till.daemon.url}/api/try/read", content=body, headers=headers, **DIRECT)
    assert response.status_code == 400
    foreign = asked(till, "/api/try/read", {"region": [0, 0, 1, 1]}, Origin="http://evil.example")
    assert foreign.status_code == 403


def test_a_crowd_is_let_in_a_few_at_a_time(till: Pointed) -> None:
    """While the engine stands forty come: some are read once it goes on, the others are told to come again."""

    def tried(step: int) -> httpx.Response:
        return asked(till, "/api/try/read", {"region": [0.001 * step, 0, 0.9, 0.9], "task": "amounts"})

    engine = till.daemon.engine()
    engine.suspend()
    with ThreadPoolExecutor(40) as crowd:
        coming = crowd.map(tried, range(40))
        try:
            till.daemon.wait(lambda: refused_so_far(till) > 0, "the first to be told to come again")
        finally:
            engine.resume()
        responses = list(coming)
    refused_ones = [each for each in responses if each.status_code == 429]
    assert {each.status_code for each in responses} == {200, 429}
    assert all(each.headers["Retry-After"] == "1" for each in refused_ones)
    assert refused_so_far(till) == len(refused_ones)


def refused_so_far(till: Pointed) -> float:
    return metric(till.daemon.url, "dropped_total", where="setup", reason="full")


def test_trials_are_no_faults(till: Pointed) -> None:
    """A region of a pixel, of the whole picture and at its edge is read; the daemon has nothing to complain of."""
    for region in ([0.999, 0.999, 0.001, 0.001], [0, 0, 1, 1], [0, 0, 0.0001, 1]):
        answer = answered(till, "/api/try/read", {"region": region, "task": "amounts", "field": "*"})
        assert {"grand", "balance"} <= set(answer["reading"]["values"])
    assert [each["message"] for each in till.daemon.log_events() if each["level"] in {"ERROR", "error"}] == []
