"""Configuration: the precedence, and every fault in one go with path, found and allowed."""

import shutil
from pathlib import Path

import pytest
import yaml

from foureyes.config import SHIPPED_CONFIG, load_settings
from foureyes.exceptions import ConfigError

SCHEMA = {"type": "object", "properties": {"balance": {"type": ["string", "null"], "format": "money"}}}

NUMBER: dict[str, object] = {"type": ["number", "null"]}

STRICT = {"type": "object", "properties": {"balance": {"type": "string", "format": "money"}}}


def task(**fields: object) -> dict[str, object]:
    """The section of one task `t` with these fields."""
    return {"tasks": {"t": {"models": ["read"], "schema": {"type": "object", "properties": fields}}}}


def confirmed(name: object) -> dict[str, object]:
    """A task `t` with this second reader; `again` is the model `read` under another name."""
    models = {"read": {"model_id": "ocr"}, "again": {"model_id": "ocr"}}
    return {"models": models, "tasks": {"t": {"models": ["read"], "schema": SCHEMA, "confirm_with": name}}}


def told(**changed: object) -> dict[str, object]:
    """A rule `mine` on the balance, which these settings change."""
    rule = {"when": "reading", "task": "money", "field": "balance", "above": 1, **changed}
    return {"alerts": {"rules": {"mine": rule}}}


def ordered(*names: str) -> dict[str, object]:
    """A task `t` with two numbers in this order."""
    schema = {"type": "object", "properties": {"a": NUMBER, "b": NUMBER}, "x-order": list(names)}
    return {"tasks": {"t": {"models": ["read"], "schema": schema}}}


def written(folder: Path, **sections: object) -> Path:
    document = {
        "sources": [{"kind": "demo"}],
        "models": {"read": {"model_id": "ocr"}},
        "tasks": {"money": {"models": ["read"], "schema": SCHEMA}},
    }
    file = folder / "foureyes.yaml"
    file.write_text(yaml.safe_dump({**document, **sections}), encoding="utf-8")
    return file


def faults_of(file: Path) -> dict[str, str]:
    with pytest.raises(ConfigError) as caught:
        load_settings(file)
    return {fault.path: str(fault) for fault in caught.value.faults}


def test_the_shipped_configuration_is_valid() -> None:
    """The shipped configuration loads and has the four tasks of the main document."""
    settings = load_settings(SHIPPED_CONFIG)
    assert list(settings.tasks) == ["vision_ocr", "vision_state", "animation_detection", "error_detection"]
    assert settings.models["vision_ocr"].latency_target_ms == 100


def test_every_shipped_example_is_valid() -> None:
    """Each YAML file in the configuration folder loads."""
    files = list(SHIPPED_CONFIG.parent.glob("*.yaml"))
    assert files
    for file in files:
        assert load_settings(file).tasks


def test_a_copy_of_the_shipped_configuration_is_valid_anywhere(tmp_path: Path) -> None:
    """Without a `models.json` beside it a file has the shipped models; another name that is missing is told."""
    copy = tmp_path / "mine.yaml"
    shutil.copy(SHIPPED_CONFIG, copy)
    assert load_settings(copy).models == load_settings(SHIPPED_CONFIG).models
    missing = faults_of(written(tmp_path, models="own.json"))["models"]
    assert "'own.json', which is not there" in missing
    (tmp_path / "models.json").write_text("{}", encoding="utf-8")
    assert "tasks.vision_ocr.models.0" in faults_of(copy)


def test_all_faults_come_in_one_go(tmp_path: Path) -> None:
    """Unknown key, wrong type, out of range and an unknown model are told together, each with its path."""
    file = written(
        tmp_path,
        sources=[{"kind": "demo", "fps": 99}, {"id": "b", "kind": "obs", "prot": 1}],
        web={"port": "eighty"},
        tasks={"money": {"models": ["missing"], "schema": SCHEMA, "temperature": 3}},
    )
    faults = faults_of(file)
    assert "found 99" in faults["sources.0.fps"]
    assert "30" in faults["sources.0.fps"]
    assert "unknown key" in faults["sources.1.prot"]
    assert "'eighty'" in faults["web.port"]
    assert "less than or equal to 2" in faults["tasks.money.temperature"]
    assert "known models: read" in faults["tasks.money.models.0"]


@pytest.mark.parametrize(
    ("sections", "path", "says"),
    [
        ({"surprise": 1}, "surprise", "unknown key"),
        ({"sources": []}, "sources", "at least 1"),
        ({"sources": [{"kind": "tape"}]}, "sources.0", "'tape'"),
        ({"sources": [{"kind": "demo"}, {"kind": "demo"}]}, "sources.1.id", "every id stands once"),
        ({"sources": [{"kind": "demo", "tasks": ["nope"]}]}, "sources.0.tasks.0", "known tasks: money"),
        ({"sources": [{"kind": "demo", "masks": [[0.5, 0, 0.6, 1]]}]}, "sources.0.masks.0", "inside"),
        ({"models": {"read": {"model_id": "../ocr"}}}, "models.read.model_id", "no '..'"),
        ({"models": {"read": {"model_id": "ocr", "server": "x"}}}, "models.read.server", "known servers: engine"),
        ({"tasks": {"t": {"models": ["read"], "schema": {"type": "array"}}}}, "tasks.t.schema.type", "properties"),
        ({"tasks": {"t": {"models": ["read"], "schema": {"type": 7}}}}, "tasks.t.schema.type", "found 7"),
        ({"tasks": {"t": {"models": ["read"], "schema": SCHEMA, "timeout_s": 0.5}}}, "tasks.t.timeout_s", "1"),
        (
            {"tasks": {"t": {"models": ["read"], "schema": SCHEMA, "prompt": "x" * 10_001}}},
            "tasks.t.prompt",
            "10000",
        ),
        (
            {"tasks": {"t": {"models": ["read"], "schema": STRICT}}},
            "tasks.t.schema.properties.balance",
            "must allow null",
        ),
        ({"tasks": {"t": {"models": ["read", "read"], "schema": SCHEMA}}}, "tasks.t.models.1", "a second time"),
        (told(task="nope"), "alerts.rules.mine.task", "known tasks: money"),
        (told(field="nope"), "alerts.rules.mine.field", "known fields: balance"),
        (told(source="nope"), "alerts.rules.mine.source", "known sources: main"),
        (told(below=2), "alerts.rules.mine", "exactly one of"),
        (told(beyond=2), "alerts.rules.mine.beyond", "unknown key"),
        ({"alerts": {"rules": {"disk": {"hold_s": -1}}}}, "alerts.rules.disk.hold_s", "0"),
        ({"alerts": {"rules": {"x": {"when": "dusk"}}}}, "alerts.rules.x", "'dusk'"),
        ({"alerts": {"rules": {"disk": {"channels": ["x"]}}}}, "alerts", "unknown channel 'x'"),
        (
            {"alerts": {"channels": {"x": {"kind": "webhook", "url": "ftp://x"}}}},
            "alerts.channels.x.url",
            "http://",
        ),
        ({"mqtt": {"topic": "a/+"}}, "mqtt.topic", "'a/+'"),
        (confirmed("nobody"), "tasks.t.confirm_with", "known models: again, read"),
        (confirmed("read"), "tasks.t.confirm_with", "none of the task's own"),
        (confirmed("again"), "tasks.t.confirm_with", "none of the task's own"),
        (confirmed(["read"]), "tasks.t.confirm_with", "string"),
        (task(a=NUMBER | {"x-max-step": 0}), "tasks.t.schema.properties.a.x-max-step", "greater than 0"),
        (ordered("a", "gold"), "tasks.t.schema.x-order.1", "a number or an amount under 'properties': a, b"),
        ({"tasks": {"t": {"models": ["read"], "schema": 5}}}, "tasks.t.schema", "dictionary"),
        (task(a={"type": "string"}, b={"type": ["string", "null"]}), "tasks.t.schema.properties.a", "null"),
        (task(a={"enum": ["x", None], "x-cues": [1, 2]}), "tasks.t.schema.properties.a.x-cues", "found [1, 2]"),
        (
            {"tasks": {"t": {"models": ["read"], "schema": SCHEMA, "regions": {"gold": [0, 0, 1, 1]}}}},
            "tasks.t.regions.gold",
            "known fields: *, balance",
        ),
        (
            {"models": {"read": {"model_id": "ocr", "latency_target_ms": float("inf")}}},
            "models.read.latency_target_ms",
            "finite",
        ),
        (
            {"tasks": {"t": {"models": ["read"], "schema": SCHEMA, "latency_target_ms": float("nan")}}},
            "tasks.t.latency_target_ms",
            "found nan",
        ),
        ({"sources": [{"kind": "demo", "fps": float("nan")}]}, "sources.0.fps", "found nan"),
        (
            task(a={"type": ["number", "null"], "maximum": float("inf")}),
            "tasks.t.schema.properties.a.maximum",
            "finite",
        ),
        ({"web": {"host": "somewhere.example"}}, "web.host", "127.0.0.1"),
        ({"web": {"allowed_hosts": ["http://here:1"]}}, "web.allowed_hosts.0", "without scheme"),
        ({"models": "absent.json"}, "models", "a mapping of models, or the name of a JSON file"),
    ],
)
def test_a_fault_names_its_path(tmp_path: Path, sections: dict[str, object], path: str, says: str) -> None:
    """Each kind of fault has its path in the file and says what is allowed."""
    assert says in faults_of(written(tmp_path, **sections))[path]


def test_faults_of_a_schema_come_with_all_others(tmp_path: Path) -> None:
    """A bad number, a doubled model and two faults of the schema are told together, each with its own path."""
    fields = {"grand": {"type": ["string", "null"], "x-sign": "dialogue"}, "mini": {"type": "object"}}
    schema = {"type": "object", "properties": fields}
    broken = {"models": ["read", "read"], "schema": schema, "temperature": 3}
    faults = faults_of(written(tmp_path, tasks={"t": broken}))
    assert set(faults) == {
        "tasks.t.temperature",
        "tasks.t.models.1",
        "tasks.t.schema.properties.grand.x-sign",
        "tasks.t.schema.properties.mini.type",
    }
    sign = faults["tasks.t.schema.properties.grand.x-sign"]
    assert "found 'dialogue'" in sign
    assert "'error_text'" in sign


@pytest.mark.parametrize(
    ("text", "path"),
    [
        ("sources: [", "line 1, column 11"),
        ("- a\n- b\n", "the file"),
        ("web: {port: 1}\nweb: {port: 2}\n", "line 2, column 1"),
        ("? [web]\n: {port: 1}\n", "line 1, column 3"),
        ("web: !!python/object/apply:os.system ['true']\n", "line 1, column 6"),
        ("a: " + "[" * 5000, "the file"),
        ("2020-01-01: 1\n", "2020-01-01"),
        ("sources: [{tasks: [[x]]}]\n", "sources.0.tasks.0"),
        ("alerts: {rules: {r: {when: reading, task: [1], source: [2]}}}\n", "alerts.rules.r.task"),
    ],
)
def test_a_file_of_another_shape_is_refused_with_the_place(tmp_path: Path, text: str, path: str) -> None:
    """Broken or endless YAML, a double key, lists and dates for names and a tag that runs code are all faults."""
    file = tmp_path / "broken.yaml"
    file.write_text(text, encoding="utf-8")
    assert path in faults_of(file)


def test_bytes_that_are_no_text(tmp_path: Path) -> None:
    """A binary file is told as such."""
    file = tmp_path / "binary.yaml"
    file.write_bytes(b"\xff\xfe\x00\x01")
    assert "UTF-8" in faults_of(file)["the file"]


def test_the_environment_wins_over_the_file_and_the_command_line_over_both(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Precedence: command line, environment, file, default."""
    file = written(tmp_path, web={"port": 9001}, cache={"ttl_s": 2})
    monkeypatch.setenv("FOUREYES_WEB__PORT", "9002")
    settings = load_settings(file)
    assert (settings.web.port, settings.cache.ttl_s, settings.cache.max_entries) == (9002, 2, 100)
    assert load_settings(file, {"web": {"port": 9003}}).web.port == 9003


def test_a_fault_in_the_environment_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A misspelt or misfit variable of a section is a fault like one in the file."""
    monkeypatch.setenv("FOUREYES_CACHE__TTL_S", "soon")
    assert "'soon'" in faults_of(written(tmp_path))["cache.ttl_s"]


def test_an_endless_number_in_the_environment_is_told(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A number that is not finite is refused from the environment as from the file."""
    monkeypatch.setenv("FOUREYES_MODELS__READ__LATENCY_TARGET_MS", "inf")
    assert "finite" in faults_of(written(tmp_path))["models.read.latency_target_ms"]
