"""What a new configuration changes of the one in force: a table, line by line."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from parts.watched import task

from foureyes.config import Settings
from foureyes.config.settings import Server
from foureyes.daemon.demand import needed_servers
from foureyes.daemon.difference import at_next_start, difference, in_the_way

Edit = Callable[[dict[str, Any]], Any]

BASE: dict[str, Any] = {
    "sources": [{"id": "main", "kind": "demo"}, {"id": "side", "kind": "demo", "tasks": ["read"]}],
    "servers": [
        {"id": "studio", "kind": "lmstudio"},
        {"id": "llama", "kind": "llama-server", "command": ["llama", "--port", "8080"]},
        {"id": "unused", "kind": "openai", "url": "http://127.0.0.1:9"},
    ],
    "models": {"big": {"server": "studio", "model_id": "big"}, "small": {"server": "llama", "model_id": "small"}},
    "tasks": {"read": task(models=["big"]), "state": task(models=["small"])},
    "state_dir": Path("/nowhere"),
}


def edited(*edits: Edit) -> Settings:
    document = copy.deepcopy(BASE)
    for edit in edits:
        edit(document)
    return Settings(**document)


def put(*path: str | int, **values: Any) -> Edit:
    """Other values in one mapping of the document."""

    def edit(document: dict[str, Any]) -> None:
        place: Any = document
        for step in path:
            place = place[step]
        place.update(values)

    return edit


@pytest.mark.parametrize(
    ("edit", "words"),
    [
        (put(), "unchanged: 7"),
        (put("tasks", "read", prompt="Other."), "tasks changed: main/read, side/read; unchanged: 5"),
        (put("models", "big", latency_target_ms=5), "tasks changed: main/read, side/read; unchanged: 5"),
        (put("models", "big", size="4 GB"), "unchanged: 7"),
        (put("tasks", more=task(models=["big"])), "tasks new: main/more; unchanged: 7"),
        (put("sources", 1, tasks=["state"]), "tasks new: side/state; tasks gone: side/read; unchanged: 6"),
        (put("sources", 0, regions={"state": {"*": (0, 0, 0.5, 0.5)}}), "tasks changed: main/state; unchanged: 6"),
        (put("sources", 0, masks=[(0, 0, 0.5, 0.5)]), "sources changed: main; unchanged: 4"),
        (put("sources", 1, fps=1), "sources changed: side; unchanged: 5"),
        (lambda document: document["sources"].pop(), "sources gone: side; unchanged: 5"),
        (
            lambda document: document["sources"].append({"id": "new", "kind": "demo"}),
            "sources new: new; unchanged: 7",
        ),
        (put("servers", 0, check_s=5), "servers changed: studio; unchanged: 6"),
        (put("servers", 2, check_s=5), "unchanged: 7"),
        (put("tasks", "state", models=["big"]), "tasks changed: main/state; servers gone: llama; unchanged: 5"),
        (put(capture={"stall_s": 5}), "unchanged: 7"),
    ],
)
def test_what_changes_is_named_and_the_rest_counted(edit: Edit, words: str) -> None:
    """Each edit of a configuration of two sources, two tasks and two servers that are needed."""
    assert str(difference(edited(), edited(edit))) == words


def test_a_difference_can_be_undone() -> None:
    """What one way is new is gone the other way; what changed has changed both ways."""
    there = edited(put("tasks", "state", models=["big"]), put("sources", 0, fps=1))
    forth, back = difference(edited(), there), difference(there, edited())
    for one, other in [(forth.sources, back.sources), (forth.tasks, back.tasks), (forth.servers, back.servers)]:
        assert (one.new, one.gone, one.changed) == (other.gone, other.new, other.changed)


@pytest.mark.parametrize(
    ("edit", "names"),
    [
        (put("tasks", "read", prompt="Other."), ()),
        (put(web={"port": 9000}), ("web.port",)),
        (put(log={"level": "debug", "keep": 7}), ("log.level", "log.keep")),
        (put(state_dir=Path("/elsewhere")), ("state_dir",)),
        (put(capture={"stall_s": 5, "keep_frames": "never"}), ("capture.keep_frames",)),
        (
            put(cache={"ttl_s": 1}, resources={"memory_limit_mb": 512}),
            ("cache.ttl_s", "resources.memory_limit_mb"),
        ),
    ],
)
def test_what_only_a_start_can_change_is_named(edit: Edit, names: tuple[str, ...]) -> None:
    """Each setting that waits for the next start, by its dotted name."""
    assert at_next_start(edited(), edited(edit)) == names


def servers(*edits: Edit) -> dict[str, Server]:
    return needed_servers(edited(*edits))


@pytest.mark.parametrize(
    ("after", "names"),
    [
        (servers(put("servers", 1, check_s=5)), ("llama",)),
        (servers(put("servers", 1, command=["llama", "--port", "{port}"])), ()),
        (servers(put("servers", 1, url="http://127.0.0.1:8081")), ()),
        (servers(put("servers", 0, kind="lmstudio", own="daemon")), ()),
        ({}, ()),
    ],
    ids=["same fixed port", "any port", "another port", "lms", "nothing"],
)
def test_who_holds_what_a_fresh_server_needs_must_stop_first(
    after: dict[str, Server], names: tuple[str, ...]
) -> None:
    """A fixed port, as LM Studio itself, is had by one server at a time."""
    before = servers()
    fresh = {name: server for name, server in after.items() if before[name] != server}
    assert in_the_way({name: before[name] for name in fresh}, fresh) == names


def test_lm_studio_is_steered_by_one() -> None:
    """Two servers that own LM Studio are in each other's way, whatever their addresses."""
    before = servers(put("servers", 0, own="daemon"))
    after = servers(put("servers", 0, own="daemon", url="http://127.0.0.1:1235"))
    assert in_the_way({"studio": before["studio"]}, {"studio": after["studio"]}) == ("studio",)
    assert in_the_way({"studio": servers()["studio"]}, {"studio": after["studio"]}) == ()
