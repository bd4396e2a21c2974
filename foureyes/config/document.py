"""A configuration file's document: strict YAML, with its models from their own file."""

from __future__ import annotations

import json
from collections.abc import Hashable
from pathlib import Path
from typing import Any

import yaml

from foureyes.exceptions import ConfigError, ConfigFault

_PACKAGE = Path(__file__).resolve().parent.parent
_FOLDERS = (_PACKAGE / "shipped", _PACKAGE.parent / "config")
SHIPPED_CONFIG = next((folder for folder in _FOLDERS if folder.is_dir()), _FOLDERS[0]) / "foureyes.yaml"

_MAX_FILE_BYTES = 4 * 1024 * 1024
_MODELS = "models.json"


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


def read_document(file: Path, text: str | None = None) -> dict[str, Any]:
    """The file's sections, `models` as a mapping; with `text` as if the file held that. Raises ConfigError."""
    document = _mapping(file, _read_text(file) if text is None else text)
    document["models"] = _read_models(file, document.get("models", _MODELS))
    return document


def _mapping(file: Path, text: str) -> dict[str, Any]:
    try:
        document = yaml.load(text, Loader=_StrictLoader)  # noqa: S506 - a SafeLoader subclass
    except yaml.YAMLError as error:
        where = getattr(error, "problem_mark", None)
        place = f"line {where.line + 1}, column {where.column + 1}" if where else "the file"
        raise ConfigError(str(file), [ConfigFault(place, str(error).split("\n")[0], "valid YAML")]) from error
    except RecursionError as error:
        raise _too_deep(file) from error
    if not isinstance(document, dict):
        found = type(document).__name__
        raise ConfigError(str(file), [ConfigFault("the file", found, "a mapping of sections (see README)")])
    if odd := [key for key in document if not isinstance(key, str)]:
        raise ConfigError(str(file), [ConfigFault(str(odd[0]), "a key that is no text", "a section's name")])
    return document


def _read_text(file: Path) -> str:
    try:
        data = file.read_bytes()
        if len(data) > _MAX_FILE_BYTES:
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
    models_file = _models_file(file, models)
    try:
        return json.loads(_read_text(models_file))
    except json.JSONDecodeError as error:
        place = f"line {error.lineno}, column {error.colno}"
        raise ConfigError(str(models_file), [ConfigFault(place, error.msg.lower(), "valid JSON")]) from error
    except RecursionError as error:
        raise _too_deep(models_file) from error


def _too_deep(file: Path) -> ConfigError:
    return ConfigError(str(file), [ConfigFault("the file", "too many levels in each other", "a few levels")])


def _models_file(file: Path, models: str) -> Path:
    """The file beside this one; a copy of the shipped configuration goes on with the shipped models."""
    beside = file.parent / models
    if beside.exists():
        return beside
    if models == _MODELS:
        return SHIPPED_CONFIG.with_name(_MODELS)
    allowed = "a mapping of models, or the name of a JSON file with them"
    raise ConfigError(str(file), [ConfigFault("models", f"{models!r}, which is not there", allowed)])
