"""Settings of a configuration: file, environment and command line, and every fault in one go."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails
from pydantic_settings import BaseSettings, InitSettingsSource, PydanticBaseSettingsSource

from foureyes.config.document import SHIPPED_CONFIG, read_document
from foureyes.config.place import path_of, shown
from foureyes.config.references import reference_faults
from foureyes.config.settings import Settings
from foureyes.exceptions import ConfigError, ConfigFault


def load_settings(
    path: Path | None = None, overrides: Mapping[str, Any] | None = None, text: str | None = None
) -> Settings:
    """Read and validate the configuration; `overrides` are the command line's.

    Relative paths in the file are taken from the file's folder; with `text` it is read as if it held that. Raises
    ConfigError with every fault found.
    """
    file = path or SHIPPED_CONFIG
    document = read_document(file, text)
    merged = _settings_from(document)
    try:
        settings = merged(**dict(overrides or {}))
    except ValidationError as error:
        faults = [_fault(details) for details in error.errors()]
        raise ConfigError(str(file), faults + list(reference_faults(document))) from error
    if faults := list(reference_faults(settings.model_dump(by_alias=True))):
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


def _fault(details: ErrorDetails) -> ConfigFault:
    path = path_of(details["loc"])
    if details["type"] == "extra_forbidden":
        return ConfigFault(path, "an unknown key", "remove it, or see `foureyes config schema` for the known ones")
    if details["type"] == "missing":
        return ConfigFault(path, "nothing", "this key is required")
    message = details["msg"].removeprefix("Value error, ")
    return ConfigFault(path, shown(details["input"]), message[:1].lower() + message[1:])
