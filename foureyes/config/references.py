"""Names in a configuration that point at nothing, and schemas of no answer: all faults at once. Pure."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from foureyes.config.place import path_of, shown
from foureyes.exceptions import ConfigFault
from foureyes.schema.problems import problems


def reference_faults(document: Mapping[str, Any]) -> Iterator[ConfigFault]:
    """Every fault; the document may be of any shape."""
    models, tasks = _mapping(document.get("models")), _mapping(document.get("tasks"))
    servers = [_mapping(entry).get("id", "engine") for entry in _list(document.get("servers"), [{}])]
    for name, task in tasks.items():
        yield from _candidate_faults(f"tasks.{name}.models", _list(_mapping(task).get("models"), []), models)
        yield from _second_reader_faults(f"tasks.{name}", _mapping(task), models)
        yield from _schema_faults(f"tasks.{name}", _mapping(task))
    for name, model in models.items():
        server = _mapping(model).get("server", "engine")
        if server not in servers:
            yield _unknown(f"models.{name}.server", "server", server, servers)
    yield from _doubles("servers", servers)
    yield from _source_faults(_list(document.get("sources"), []), tasks)
    yield from _alert_faults(document, tasks)


def _candidate_faults(path: str, names: list[Any], models: Mapping[str, Any]) -> Iterator[ConfigFault]:
    for index, name in enumerate(names):
        if name not in list(models):
            yield _unknown(f"{path}.{index}", "model", name, models)
        elif name in names[:index]:
            yield ConfigFault(f"{path}.{index}", f"{name!r} a second time", "every model stands once in a task")


def _second_reader_faults(path: str, task: Mapping[str, Any], models: Mapping[str, Any]) -> Iterator[ConfigFault]:
    """The second reader is another model than those whose readings it confirms, also under another name."""
    name = task.get("confirm_with")
    if name is None or not isinstance(name, str):
        return  # pydantic has told the latter
    if name not in models:
        yield _unknown(f"{path}.confirm_with", "model", name, models)
        return
    for first in _list(task.get("models"), []):
        if first == name or (first in list(models) and _served(models[first]) == _served(models[name])):
            said = f"{name!r}, which reads for this task itself"
            yield ConfigFault(f"{path}.confirm_with", said, "a model that is none of the task's own")
            return


def _served(model: Any) -> tuple[Any, Any]:
    return _mapping(model).get("server", "engine"), _mapping(model).get("model_id")


def _schema_faults(path: str, task: Mapping[str, Any]) -> Iterator[ConfigFault]:
    schema = task.get("schema")
    if not isinstance(schema, Mapping):
        return  # pydantic has told this one
    for problem in problems(schema):
        yield ConfigFault(path_of((path, "schema", *problem.path)), shown(problem.found), problem.allowed)
    known = _mapping(schema.get("properties"))
    for name in _mapping(task.get("regions")):
        if name != "*" and name not in known:
            yield _unknown(f"{path}.regions.{name}", "field", name, ["*", *known])


def _source_faults(sources: list[Any], tasks: Mapping[str, Any]) -> Iterator[ConfigFault]:
    for index, source in enumerate(_mapping(entry) for entry in sources):
        named = [(f"tasks.{at}", task) for at, task in enumerate(_list(source.get("tasks"), []))]
        named += [(f"regions.{task}", task) for task in _mapping(source.get("regions"))]
        for place, task in named:
            if task not in list(tasks):
                yield _unknown(f"sources.{index}.{place}", "task", task, tasks)
    yield from _doubles("sources", [_mapping(source).get("id", "main") for source in sources])


def _alert_faults(document: Mapping[str, Any], tasks: Mapping[str, Any]) -> Iterator[ConfigFault]:
    """A rule on a reading that nobody makes would be silent for ever."""
    sources = [_mapping(entry).get("id", "main") for entry in _list(document.get("sources"), [{}])]
    for name, rule in _mapping(_mapping(document.get("alerts")).get("rules")).items():
        if _mapping(rule).get("when") != "reading":
            continue
        path, task, field = f"alerts.rules.{name}", rule.get("task"), rule.get("field")
        if task not in list(tasks):
            yield _unknown(f"{path}.task", "task", task, tasks)
        elif field not in (known := _answered(tasks[task])):
            yield _unknown(f"{path}.field", "field", field, known)
        if rule.get("source") not in [None, *sources]:
            yield _unknown(f"{path}.source", "source", rule.get("source"), sources)


def _answered(task: Any) -> list[str]:
    """The fields of a task's answer."""
    return list(_mapping(_mapping(_mapping(task).get("schema")).get("properties")))


def _doubles(section: str, ids: list[Any]) -> Iterator[ConfigFault]:
    for index, name in enumerate(ids):
        if name in ids[:index]:
            yield ConfigFault(f"{section}.{index}.id", f"{name!r} a second time", "every id stands once")


def _unknown(path: str, noun: str, found: object, known: Any) -> ConfigFault:
    names = ", ".join(str(name) for name in known) or "none is configured"
    return ConfigFault(path, f"the unknown {noun} {found!r}", f"known {noun}s: {names}")


def _mapping(value: Any) -> Mapping[str, Any]:
    return value if isinstance(value, Mapping) else {}


def _list(value: Any, default: list[Any]) -> list[Any]:
    return value if isinstance(value, list) else default
