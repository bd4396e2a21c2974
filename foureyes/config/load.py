"""Finding and reading the configuration: file, environment and command line, and every fault in one go."""

from __future__ import annotations

import json
from collections.abc import Hashable, Iterator, Mapping
from pathlib import Path
from typing import Any

import yaml
from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from foureyes.config.alerts import Alerts
from foureyes.config.settings import Settings
from foureyes.exceptions import ConfigError, ConfigFault
from foureyes.redaction import redact_text
from foureyes.schema.problems import problems

_PACKAGE = Path(__file__).resolve().parent.parent
_FOLDERS = (_PACKAGE / "shipped", _PACKAGE.parent / "config")
SHIPPED_CONFIG = next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0]) / "foureyes.yaml"

MAX_FILE_BYTES = 4 * 1024 * 1024
_KINDS = {
    "sources": {"auto", "obs", "screen", "video", "images", "replay", "demo"},
    "servers": {"engine", "lmstudio", "llama-server", "openai", "auto"},
    "alerts": {*Alerts().rules, "reading", "apprise", "webhook", "command", "mqtt"},
}


class _StrictLoader(yaml.SafeLoader):
    """Safe YAML in which a key may stand only once in a mapping: the second would silently win."""


def _mapping_without_doubles(loader: _StrictLoader, node: yaml.MappingNode) -> dict[Any, Any]:
    seen = set()
    for key_node, _ in node.value:
        key = loader.construct_object(key_node)
        if not isinstance(key, Hashable):
            raise yaml.constructor.ConstructorError(None, None, "a key that is no text", key_node.start_mark)
        if key in seen:
            raise yaml.constructor.ConstructorError(
                None, None, f"the key {key!r} stands here twice", key_node.start_mark
            )
        seen.add(key)
    loader.flatten_mapping(node)
    return loader.construct_mapping(node, deep=True)


_StrictLoader.add_constructor(yaml.resolver.BaseResolver.DEFAULT_MAPPING_TAG, _mapping_without_doubles)


def load_settings(
    path: Path | None = None, overrides: Mapping[str, Any] | None = None, text: str | None = None
) -> Settings:
    """Read and validate the configuration; `overrides` are the command line's.

    Relative paths in the file are taken from the file's folder; with `text` it is read as if it held that. Raises
    ConfigError with every fault found.
    """
    file = path or SHIPPED_CONFIG
    document = _document(file, _read_text(file) if text is None else text)
    document["models"] = _read_models(file, document.get("models", "models.json"))
    merged = _settings_from(document)
    try:
        settings = merged(**dict(overrides or {}))
    except ValidationError as error:
        faults = [_fault(details) for details in error.errors()]
        raise ConfigError(str(file), faults + list(_document_faults(document))) from error
    if faults := list(_document_faults(settings.model_dump(by_alias=True))):
        raise ConfigError(str(file), faults)
    return settings


def _settings_from(document: Mapping[str, Any]) -> type[Settings]:
    """Settings with the file's document behind command line and environment."""

    class FileSettings(Settings):
        @classmethod
        def settings_customise_sources(
            cls,
            settings_cls: type[BaseSettings],
            init_settings: PydanticBaseSettingsSource,
            env_settings: PydanticBaseSettingsSource,
            dotenv_settings: PydanticBaseSettingsSource,  # noqa: ARG003 - the base class's signature
            file_secret_settings: PydanticBaseSettingsSource,  # noqa: ARG003
        ) -> tuple[PydanticBaseSettingsSource, ...]:
            return init_settings, env_settings, InitSettingsSource(settings_cls, dict(document))

    return FileSettings


def _document(file: Path, text: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader subclass
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        place = f"line {where.line + 1}, column {where.column + 1}" if where else "the file"
        raise ConfigError(str(file), [ConfigFault(place, str(error).split("\n")[0], "valid YAML")]) from error
    if not isinstance(document, dict):
        found = type(document).__name__
        raise ConfigError(str(file), [ConfigFault("the file", found, "a mapping of sections (see README)")])
    return document


def _read_text(file: Path) -> str:
    try:
        data = file.read_bytes()
        if len(data) > MAX_FILE_BYTES:
            raise ConfigError(str(file), [ConfigFault("the file", f"{len(data):,} bytes", "at most 4 MiB")])
        return data.decode("utf-8")
    except OSError as error:
        reason = error.strerror or str(error)
        raise ConfigError(str(file), [ConfigFault("the file", reason.lower(), "a readable file")]) from error
    except UnicodeDecodeError as error:
        raise ConfigError(str(file), [ConfigFault("the file", "bytes that are no UTF-8", "UTF-8 text")]) from error


def _read_models(file: Path, models: Any) -> Any:
    """Models stand inline, or in a JSON file in the main document's format."""
    if not isinstance(models, str):
        return models
    models_file = file.parent / models
    try:
        return json.loads(_read_text(models_file))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(str(models_file), [ConfigFault(place, error.msg.lower(), "valid JSON")]) from error


def _fault(details: ErrorDetails) -> ConfigFault:
    path = _path(details["loc"])
    if details["type"] == "extra_forbidden":
        return ConfigFault(path, "an unknown key", "remove it, or see `foureyes config schema` for the known ones")
    if details["type"] == "missing":
        return ConfigFault(path, "nothing", "this key is required")
    message = details["msg"].removeprefix("Value error, ")
    return ConfigFault(path, _shown(details["input"]), message[:1].lower() + message[1:])


def _path(location: tuple[int | str, ...]) -> str:
    parts = [str(part) for part in location]
    at = 3 if parts[:1] == ["alerts"] else 2
    if len(parts) > at and parts[at] in _KINDS.get(parts[0], ()):
        del parts[at]  # pydantic names the chosen kind, which is no key of the file
    return ".".join(parts) or "the file"


def _shown(value: Any) -> str:
    shown = redact_text(repr(value))
    return shown if len(shown) <= 80 else f"{shown[:77]}..."


def _document_faults(document: Mapping[str, Any]) -> Iterator[ConfigFault]:
    """Names that point at nothing and schemas of no answer, looked for in the raw document: all faults at once."""
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
        yield ConfigFault(_path((path, "schema", *problem.path)), _shown(problem.found), problem.allowed)
    known = _mapping(schema.get("properties"))
    for name in _mapping(task.get("regions")):
        if name != "*" and name not in known:
            yield _unknown(f"{path}.regions.{name}", "field", name, ["*", *known])


def _source_faults(sources: list[Any], tasks: Mapping[str, Any]) -> Iterator[ConfigFault]:
    for index, source in enumerate(_mapping(entry) for entry in sources):
        named = [(f"tasks.{at}", task) for at, task in enumerate(_list(source.get("tasks"), []))]
        named += [(f"regions.{task}", task) for task in _mapping(source.get("regions"))]
        for place, task in named:
            if task not in tasks:
                yield _unknown(f"sources.{index}.{place}", "task", task, tasks)
    yield from _doubles("sources", [_mapping(source).get("id", "main") for source in sources])


def _alert_faults(document: Mapping[str, Any], tasks: Mapping[str, Any]) -> Iterator[ConfigFault]:
    """A rule on a reading that nobody makes would be silent for ever."""
    sources = [_mapping(entry).get("id", "main") for entry in _list(document.get("sources"), [{}])]
    for name, rule in _mapping(_mapping(document.get("alerts")).get("rules")).items():
        if _mapping(rule).get("when") != "reading":
            continue
        path, task, field = f"alerts.rules.{name}", rule.get("task"), rule.get("field")
        known = _mapping(_mapping(_mapping(tasks.get(task)).get("schema")).get("properties"))
        if task not in tasks:
            yield _unknown(f"{path}.task", "task", task, tasks)
        elif field not in known:
            yield _unknown(f"{path}.field", "field", field, known)
        if rule.get("source") not in {None, *sources}:
            yield _unknown(f"{path}.source", "source", rule.get("source"), sources)


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
