"""A changed configuration under a running daemon, from outside: SIGHUP, and what goes on untouched."""

from __future__ import annotations

import json
import signal
import threading
from collections.abc import Callable, Iterator
from typing import Any

import httpx
import pytest
from parts.direct import DIRECT
from parts.reloading import ConfigFile
from parts.watched import NUMBER, Watched, drawn, task, watching

FPS = 2


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    """One screen with two tasks, one of which the tests change."""
    tasks = {"changed": task(), "other": task(), "spare": task()}
    folder = tmp_path_factory.mktemp("reload")
    with watching(folder, tasks, [{"fps": FPS, "tasks": ["changed", "other"]}]) as running:
        running.settle("changed", "other")
        yield running


@pytest.fixture
def config(watched: Watched) -> ConfigFile:
    return ConfigFile(watched.daemon, watched.daemon.state_dir.parent)


def models(watched: Watched) -> set[str]:
    """The models that may be asked."""
    return set(watched.daemon.component("server:engine")["models"])


def numbers(readings: list[dict[str, Any]]) -> list[int]:
    """The numbers of the frames that were read."""
    return [int(reading["frame_id"].rpartition("-")[2]) for reading in readings]


def assert_gapless(readings: list[dict[str, Any]]) -> None:
    """Every frame from the first to the last has one reading."""
    found = numbers(readings)
    assert found == list(range(found[0], found[-1] + 1))


ONE_FIELD = {"type": "object", "properties": {"number": NUMBER}, "required": ["number"]}


@pytest.mark.parametrize(
    ("settings", "fields"),
    [
        ({"prompt": "Read it anew."}, ["amount", "number"]),
        ({"schema": ONE_FIELD}, ["number"]),
        ({"min_confidence": 0.95, "schema": ONE_FIELD}, ["number"]),
    ],
    ids=["prompt", "schema", "threshold"],
)
def test_a_changed_task_takes_effect_and_nothing_else_notices(
    watched: Watched, config: ConfigFile, settings: dict[str, Any], fields: list[str]
) -> None:
    """The task is read anew; the other is held on, no frame is lost, no tick missed, nothing connects again."""
    watched.settle("changed", "other")
    seen = {name: len(watched.readings(name)) for name in ("changed", "other")}
    held = watched.readings("other")[-1]
    asked = {name: len(watched.engine.requests(name)) for name in seen}
    missed, connections = watched.metric("foureyes_missed_ticks_total"), watched.screen.connections
    pid = watched.daemon.component("server:engine")["pid"]

    said = config.reload(config.changed("tasks", "changed", **settings))
    watched.wait_reading("changed", seen["changed"], origin="inferred")
    watched.settle("changed", "other")

    assert "tasks changed: changed; unchanged: 3" in said["message"]
    (request,) = watched.engine.requests("changed")[asked["changed"] :]
    assert request["fields"] == fields
    assert len(watched.engine.requests("other")) == asked["other"]
    later = {name: watched.readings(name)[since:] for name, since in seen.items()}
    assert {(reading["origin"], reading["read_frame_id"]) for reading in later["other"]} == {
        ("held", held["read_frame_id"])
    }
    for readings in later.values():
        assert_gapless(readings)
    assert watched.metric("foureyes_missed_ticks_total") == missed
    assert watched.screen.connections == connections
    assert watched.daemon.component("server:engine")["pid"] == pid


def test_a_model_that_is_new_is_loaded_before_it_is_asked(watched: Watched, config: ConfigFile) -> None:
    """A task goes over to another model of its server: never without one, and the old one is unloaded."""
    config.document["tasks"].pop("spare")
    config.reload(config.document)
    watched.daemon.wait(lambda: models(watched) == {"changed", "other"}, "the spare model is dropped")
    seen = len(watched.readings("other"))
    config.reload(config.changed("tasks", "other", models=["spare"]))
    watched.wait_reading("other", seen, origin="inferred", model="spare")
    assert all(reading["model"] for reading in watched.readings("other")[seen:])
    watched.daemon.wait(lambda: models(watched) == {"changed", "spare"}, "the old model is dropped")
    config.reload(config.changed("tasks", "other", models=["other"]))


def test_a_file_with_faults_is_refused_with_all_of_them(watched: Watched, config: ConfigFile) -> None:
    """Each fault is in the log, in /health and on /events; what is in force stays, until a good file comes."""
    good = watched.daemon.get("/health")["config"]
    bad = config.changed("tasks", "changed", models=["nobody"], fps=1000, prompt="bad")
    with httpx.stream("GET", f"{watched.daemon.url}/events", trust_env=False, timeout=30) as response:
        lines = response.iter_lines()
        assert "event: heartbeat" in (next(lines), next(lines))
        said = config.reload_text(json.dumps(bad))
        told = json.loads(
            next(lines for _ in lines if "event: config" in _) and next(lines).removeprefix("data: ")
        )
    assert (said["event"], said["level"]) == ("config.refused", "error")
    for reason in (said["message"], told["reason"], watched.daemon.get("/health")["config"]["refused"]["reason"]):
        assert "tasks.changed.fps" in reason
        assert "the unknown model 'nobody'" in reason
    assert watched.daemon.get("/health")["config"]["digest"] == good["digest"]
    watched.settle("changed", "other")

    refused, applied = (
        watched.metric("foureyes_config_reloads_total", outcome=each) for each in ("refused", "applied")
    )
    config.reload(config.changed("tasks", "changed", prompt="good"))
    after = watched.daemon.get("/health")["config"]
    assert after["refused"] is None
    assert after["digest"] != good["digest"]
    assert watched.metric("foureyes_config_reloads_total", outcome="applied") == applied + 1
    assert watched.metric("foureyes_config_reloads_total", outcome="refused") == refused


def film(config: ConfigFile) -> str:
    missing = {"id": "film", "kind": "video", "path": "no-such-film.mp4"}
    return json.dumps({**config.document, "sources": [*config.document["sources"], missing]})


@pytest.mark.parametrize(
    ("text", "reason"),
    [(lambda _: "tasks: [", "valid YAML"), (film, "no-such-film.mp4"), (None, "a readable file")],
    ids=["no YAML", "a source that can never be watched", "no file"],
)
def test_what_cannot_be_put_into_force_changes_nothing(
    watched: Watched, config: ConfigFile, text: Callable[[ConfigFile], str] | None, reason: str
) -> None:
    """A file that is none, or is gone, or names a film that is not there: refused, and the looking goes on."""
    before = watched.daemon.get("/health")
    if text is None:
        config.path.unlink()
        said = config.hang_up()
    else:
        said = config.reload_text(text(config))
    assert said["event"] == "config.refused"
    assert reason in said["message"]
    watched.settle("changed", "other")
    after = watched.daemon.get("/health")
    assert after["components"].keys() == before["components"].keys()
    assert after["config"]["digest"] == before["config"]["digest"]
    config.reload(config.document)


def test_what_only_a_start_can_change_is_named(watched: Watched, config: ConfigFile) -> None:
    """Web address and log are said to wait for the next start, and the rest of the same file takes effect."""
    document = config.changed("tasks", "changed", prompt="with the rest")
    said = config.reload({**document, "web": {"port": 1}, "log": {"level": "info"}})
    assert "tasks changed: changed" in said["message"]
    assert "takes effect at the next start: web.port, log.level" in said["message"]
    assert watched.daemon.get("/health")["config"]["at_next_start"] == ["web.port", "log.level"]
    document.pop("web", None)
    config.reload({**document, "log": {"level": "debug"}})
    assert watched.daemon.get("/health")["config"]["at_next_start"] == []


def test_a_storm_of_signals_ends_with_the_last_configuration(watched: Watched, config: ConfigFile) -> None:
    """Ten signals in a row over ten files: as many reloads or fewer, one after the other; the last one counts."""
    seen, asked = len(config.outcomes()), len(watched.engine.requests("changed"))
    for number in range(10):
        config.document = config.changed("tasks", "changed", prompt=f"Prompt {number}.")
        config.path.write_text(json.dumps(config.document), encoding="utf-8")
        watched.daemon.process.send_signal(signal.SIGHUP)
    watched.daemon.wait(
        lambda: any("Prompt 9." in each["prompt"] for each in watched.engine.requests("changed")[asked:]),
        "the last prompt",
    )
    said = config.hang_up()
    assert "changed:" not in said["message"].partition("reloaded:")[2].replace("unchanged:", "")
    assert 2 <= len(config.outcomes()) - seen <= 11
    watched.settle("changed", "other")


def test_sources_come_and_go_while_the_others_go_on(watched: Watched, config: ConfigFile) -> None:
    """A new source is watched and a removed one forgotten; the one that stays connects once and skips no frame."""
    seen, connections = len(watched.readings("other")), watched.screen.connections
    main, second = config.document["sources"][0], watched.screen.source("second", tasks=["other"])
    said = config.reload({**config.document, "sources": [main, second]})
    assert "sources new: second" in said["message"]
    watched.wait_reading("other", 0, source="second")
    assert watched.screen.connections == connections + 1

    said = config.reload({**config.document, "sources": [main]})
    assert "sources gone: second" in said["message"]
    assert "source:second" not in watched.daemon.get("/health")["components"]
    assert {reading["source"] for reading in watched.daemon.get("/api/readings")} == {"main"}
    assert 'foureyes_source_up{source="second"}' not in httpx.get(f"{watched.daemon.url}/metrics", **DIRECT).text
    read = len(watched.readings("other", "second"))
    watched.settle("other")
    assert len(watched.readings("other", "second")) == read
    assert_gapless(watched.readings("other")[seen:])


def test_a_changed_source_goes_on_with_its_numbers(watched: Watched, config: ConfigFile) -> None:
    """A source with another rate is taken over by a new watch, and no frame id comes twice."""
    seen = len(watched.readings("other"))
    watched.daemon.wait(lambda: len(watched.readings("other")) > seen, "a reading before the reload")
    said = config.reload(config.changed("sources", 0, fps=FPS + 1))
    assert "sources changed: main" in said["message"]
    watched.settle("changed", "other")
    found = numbers(watched.readings("other")[seen:])
    assert found == sorted(set(found))
    config.reload(config.changed("sources", 0, fps=FPS))


def test_regions_of_a_source_are_its_tasks_business(watched: Watched, config: ConfigFile) -> None:
    """A source whose regions change keeps its camera; only the task of the region is read anew."""
    connections, seen = watched.screen.connections, len(watched.readings("changed"))
    said = config.reload(config.changed("sources", 0, regions={"changed": {"*": [0.1, 0.1, 0.3, 0.2]}}))
    assert "tasks changed: changed; unchanged: 3" in said["message"]
    watched.wait_reading("changed", seen, origin="inferred")
    assert watched.screen.connections == connections


def test_what_a_replaced_task_had_not_read_is_read_by_its_successor(watched: Watched, config: ConfigFile) -> None:
    """A picture on which a slow model was still working at the reload is not lost: the changed task reads it."""
    config.reload(config.changed("sources", 0, fps=0.4))  # the next picture is far
    watched.settle("changed", "other")
    watched.engine.control("changed", delay_s=20, times=1)
    seen, asked = len(watched.readings("changed")), len(watched.engine.requests("changed"))
    since = len(watched.readings("other"))
    watched.screen.show(drawn("slow"))
    watched.daemon.wait(lambda: len(watched.engine.requests("changed")) > asked, "the slow request")
    config.reload(config.changed("tasks", "changed", prompt="Read the slow one."))
    readings = [
        watched.wait_reading("changed", seen, origin="inferred"),
        watched.wait_reading("other", since, origin="inferred"),
    ]
    assert len(set(numbers(readings))) == 1
    assert len(watched.engine.requests("changed")) == asked + 2
    config.reload(config.changed("sources", 0, fps=FPS))


def test_many_changes_of_the_screen_meanwhile_are_all_looked_at(watched: Watched, config: ConfigFile) -> None:
    """While the screen changes and one task is changed again and again, the other has a reading of every frame."""
    stop = threading.Event()

    def change() -> None:
        number = 0
        while not stop.wait(0.05):
            watched.screen.show(drawn(f"frame {(number := number + 1)}"))

    changing = threading.Thread(target=change)
    seen, missed = len(watched.readings("other")), watched.metric("foureyes_missed_ticks_total")
    changing.start()
    try:
        for number in range(5):
            config.reload(config.changed("tasks", "changed", prompt=f"Change {number}."))
    finally:
        stop.set()
        changing.join()
    watched.settle("other")
    assert_gapless(watched.readings("other")[seen:])
    assert watched.metric("foureyes_missed_ticks_total") == missed
