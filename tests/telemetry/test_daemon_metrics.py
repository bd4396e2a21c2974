"""The metrics of a real daemon: by Prometheus' conventions, all that board and rules use, kept over a restart."""

from __future__ import annotations

import json
import re
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pytest
from parts.answering import Answer, AnsweringServer, completed, openai_routes
from parts.direct import DIRECT
from parts.foureyes import RunningDaemon
from parts.promtool import Promtool
from parts.serving import Serving, server, serving
from parts.watched import task
from prometheus_client import Metric
from prometheus_client.parser import text_string_to_metric_families

CONFIG = Path(__file__).resolve().parents[2] / "config"
BOARD, RULES = CONFIG / "grafana" / "foureyes.json", CONFIG / "prometheus" / "foureyes.rules.yml"
OF_PROMETHEUS = {"up", "ALERTS"}
NOT_HERE = re.compile(r"foureyes_(gpu_\w+|server_restarts_total|alert_deliveries_total)")
"""What this daemon has no sample of: it has no graphics card and no channel, and no server was restarted."""


def answered(body: dict[str, Any]) -> Answer:
    """The task `bad` is answered with what breaks its schema."""
    fields = body["response_format"]["json_schema"]["schema"]["properties"]
    return completed(body, {"rubbish": True} if "broken" in fields else {"amount": "1.00", "number": 1})


@pytest.fixture(scope="module")
def running(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Serving]:
    """A daemon with a model that counts its tokens, a task that is read and one that fails."""
    folder = tmp_path_factory.mktemp("metrics")
    broken = {"type": "object", "properties": {"broken": {"type": ["number", "null"]}}, "required": ["broken"]}
    tasks = {
        "read": task(models=["vlm"], latency_target_ms=1),
        "bad": task(models=["vlm"], attempts=1, schema=broken),
    }
    models = {"vlm": {"server": "openai", "model_id": "m"}}
    with (
        AnsweringServer(openai_routes("m", answered)) as vlm,
        serving(folder, [server("openai", vlm.url)], models, tasks, FOUREYES_RESOURCES__SAMPLE_S="1") as daemon,
    ):
        daemon.daemon.wait_ready()
        for wanted in range(1, 4):
            daemon.show()
            daemon.daemon.wait(lambda wanted=wanted: requests(daemon)["read"] >= wanted, "another request")  # type: ignore[misc]
        daemon.daemon.wait(lambda: requests(daemon)["bad"] >= 1, "a request that failed")
        daemon.daemon.process.send_signal(signal.SIGHUP)
        for name in ("resident_bytes", "faults_total", "config_reloads_total"):
            daemon.daemon.wait(lambda name=name: f"foureyes_{name}{{" in exposed(daemon), name)  # type: ignore[misc]
        yield daemon


def requests(daemon: Serving) -> dict[str, int]:
    return {"read": 0, "bad": 0, **daemon.daemon.get("/api/metrics")["intent_distribution"]}


def exposed(daemon: Serving) -> str:
    return httpx.get(f"{daemon.daemon.url}/metrics", **DIRECT).text


@pytest.fixture(scope="module")
def families(running: Serving) -> list[Metric]:
    return list(text_string_to_metric_families(exposed(running)))


def names_of(family: Metric) -> set[str]:
    endings = {"counter": ["_total"], "histogram": ["_bucket", "_sum", "_count"]}
    return {family.name + ending for ending in endings.get(family.type, [""])}


def expressions() -> list[str]:
    """Every query of the board and of the rules."""
    board, rules = BOARD.read_text("utf-8"), RULES.read_text("utf-8")
    queries = [json.loads(f'"{each}"') for each in re.findall(r'"(?:expr|query)": "((?:[^"\\]|\\.)*)"', board)]
    return [*queries, *re.findall(r"expr: (?:>\n)?((?:.|\n          )+)", rules)]


def names_in(expression: str) -> set[str]:
    """The metrics of a query: words that are no function, label or text in quotes."""
    return set(re.findall(r"\b(?:foureyes_\w+|dropped_total)\b", re.sub(r'"[^"]*"', '""', expression)))


def test_prometheus_finds_nothing_against_its_conventions(running: Serving, promtool: Promtool) -> None:
    """Names, units and help texts of everything that a real daemon exports pass `promtool check metrics`."""
    assert promtool.check_metrics(exposed(running)) == ""


def test_units_are_base_units(families: list[Metric]) -> None:
    """Counters end in _total, and what is measured is in seconds, bytes or a ratio."""
    for family in families:
        names = names_of(family)
        assert not re.search(r"_(ms|mb|kb|percent|minutes|milliseconds)(_|$)", family.name), family.name
        assert family.documentation, family.name
        assert (family.type == "counter") == any(name.endswith("_total") for name in names), family.name


def test_label_values_are_of_what_is_known(families: list[Metric]) -> None:
    """Labels hold configured names, words and error classes: nothing that was read, no path, no id of a frame."""
    for family in families:
        for sample in family.samples:
            for name, value in sample.labels.items():
                assert re.fullmatch(r"[\w.+:/ -]{1,64}", value), (sample.name, name, value)
                assert "main-0" not in value


@pytest.mark.parametrize("expression", expressions())
def test_board_and_rules_use_what_is_exported(families: list[Metric], expression: str) -> None:
    """Each metric of each query is exported by a real daemon, with the labels that the query asks for."""
    exported = {name: family for family in families for name in names_of(family)}
    wanted = names_in(expression)
    assert wanted or OF_PROMETHEUS & set(re.findall(r"\w+", expression)) or expression == "prometheus"
    assert wanted <= exported.keys()
    for name in wanted:
        samples = [each for each in exported[name].samples if each.name == name]
        assert samples or NOT_HERE.fullmatch(name), f"{name} has no sample"
        matched = re.findall(rf"{name}{{([^}}]*)}}", expression)
        labels = set(re.findall(r"(\w+)(?:=|!=|=~|!~)\"", " ".join(matched))) - {"instance", "job"}
        assert all(labels <= sample.labels.keys() for sample in samples), (name, labels)
    grouped = {each for found in re.findall(r"(?:by|on) \(([^)]*)\)", expression) for each in found.split(", ")}
    known = {label for name in wanted for sample in exported[name].samples for label in sample.labels}
    assert grouped - {"instance"} <= known or any(NOT_HERE.fullmatch(name) for name in wanted)


def test_prometheus_takes_the_rules(promtool: Promtool) -> None:
    """The rules are valid, a blip fires none of them, and an outage does."""
    assert promtool.check_rules(RULES) == ""
    assert promtool.test_rules(RULES.with_suffix(".test.yml")) == ""


def test_the_board_is_whole(promtool: Promtool, tmp_path: Path) -> None:
    """Each query of the board is one that Prometheus understands; panels have their own id and their own place."""
    board = json.loads(BOARD.read_text("utf-8"))
    queries = [target["expr"] for panel in board["panels"] for target in panel.get("targets", ())]
    assert queries
    plain = [query.replace("$__rate_interval", "5m") for query in queries]
    rules = [{"record": f"board:query{number}", "expr": query} for number, query in enumerate(plain)]
    file = tmp_path / "board.yml"
    file.write_text(json.dumps({"groups": [{"name": "board", "rules": rules}]}), "utf-8")
    assert promtool.check_rules(file) == ""
    assert len({panel["id"] for panel in board["panels"]}) == len(board["panels"])
    taken: set[tuple[int, int]] = set()
    for place in (panel["gridPos"] for panel in board["panels"]):
        cells = {(place["x"] + x, place["y"] + y) for x in range(place["w"]) for y in range(place["h"])}
        assert not cells & taken
        assert place["x"] + place["w"] <= 24
        taken |= cells


def test_aggregates_of_what_was_asked(running: Serving) -> None:
    """/api/metrics has totals, rates, tokens and errors of real requests, and how many there are now."""
    found = running.daemon.get("/api/metrics?hours=24")
    assert found["hours"] == 24
    assert found["total_requests"] == sum(found["intent_distribution"].values()) >= 4
    assert found["success_rate"] + found["error_rate"] == pytest.approx(1, abs=0.001)
    assert 0 < found["success_rate"] < 1
    assert list(found["error_counts"]) == ["ServerReplyError"]
    assert found["average_tokens_per_request"] == 15
    assert found["average_response_time_ms"] > 0
    assert found["average_streaming_speed_tokens_per_s"] > 0
    assert found["active_requests"] >= 0
    assert len(found["last_24h"]) == 24


@pytest.mark.parametrize("hours", ["0", "-1", "721", "nan", "inf", "1e400", "x", ""])
def test_a_window_that_is_none_is_refused(running: Serving, hours: str) -> None:
    """A window that is no number of hours up to thirty days is a 400 with a sentence."""
    refused = httpx.get(f"{running.daemon.url}/api/metrics", params={"hours": hours}, **DIRECT)
    assert refused.status_code == 400
    assert "hours" in refused.json()["error"]["message"]


def test_the_figures_outlive_a_restart(running: Serving) -> None:
    """What was counted before the daemon ended is there after the next one has begun."""
    before = requests(running)
    folder = running.daemon.state_dir.parent
    running.daemon.stop(signal.SIGTERM)
    with RunningDaemon(folder, "--config", str(folder / "config.yaml")) as again:
        again.wait((again.state_dir / "daemon.json").exists, "the daemon says where it is")
        after = again.get("/api/metrics")["intent_distribution"]
    assert all(after[name] >= number for name, number in before.items())
