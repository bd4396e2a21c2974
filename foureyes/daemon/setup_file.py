"""The configuration file as set-up changes it: a draft that is shown first, and written only as it was seen."""

from __future__ import annotations

import copy
import hashlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from foureyes.config import SHIPPED_CONFIG, Settings
from foureyes.config.edit import Change, diff, rewrite, with_changes
from foureyes.exceptions import ChangedMeanwhileError, ConfigError, UsageError
from foureyes.redaction import redact_text
from foureyes.web.setup_questions import AnyChange, RegionChange, SchemaChange

_MOST_BYTES = 256 * 1024
"""Keeping the comments of more than this takes seconds: such a file is changed by hand."""
_MOST_FAULTS = 5


@dataclass(frozen=True)
class ConfigFile:
    """The file that a daemon was configured from, and how a text is read as if it stood there."""

    path: Path
    read: Callable[[str], Settings]
    """With the same environment and command line on top. Raises ConfigError or UsageError."""

    @property
    def is_shipped(self) -> bool:
        """Whether it is the one that all daemons without a file of their own share."""
        return self.path == SHIPPED_CONFIG


@dataclass(frozen=True)
class Draft:
    """What a file says, and what it would say."""

    name: str
    before: str
    after: str
    settings: Settings = field(compare=False)
    """What the file says now, be it in force or not."""

    @property
    def digest(self) -> str:
        """Of both texts: what is approved is this change of this file, and no other."""
        return hashlib.sha256(f"{len(self.before)}:{self.before}{self.after}".encode()).hexdigest()

    @property
    def diff(self) -> str:
        """For people, without the secrets that may stand around the change."""
        return "".join(map(redact_text, diff(self.before, self.after, self.name).splitlines(keepends=True)))


def drafted(file: ConfigFile, changes: Sequence[AnyChange]) -> Draft:
    """What the changes make of the file; blocks. Raises UsageError where they would not mean what was asked."""
    text = _text(file.path)
    before = _settings(file, text, f"{file.path.name} cannot be changed: it has faults by now")
    wanted = [_placed(change, before) for change in changes]
    after_text = with_changes(text, wanted)
    after = _settings(file, after_text, "this would be refused")
    if _expected(before, wanted) != _plain(after):
        raise UsageError(
            f"{file.path.name} cannot be changed so: the value is shared by a YAML anchor, or the environment or "
            "the command line says otherwise; change it by hand"
        )
    return Draft(file.path.name, text, after_text, before)


def written(file: ConfigFile, changes: Sequence[AnyChange], digest: str) -> Draft:
    """Write the draft that was seen; blocks. Raises ChangedMeanwhileError where the file is another one now."""
    if file.is_shipped:
        raise UsageError(why_not_written(file))
    draft = drafted(file, changes)
    if draft.digest != digest:
        raise ChangedMeanwhileError(f"{draft.name} is not what it was when the change was shown; look at it again")
    try:
        rewrite(file.path, draft.after)
    except OSError as error:
        raise UsageError(f"{file.path} cannot be written: {(error.strerror or str(error)).lower()}") from error
    return draft


def why_not_written(file: ConfigFile) -> str | None:
    """Why a file is never written to; None where it is."""
    if not file.is_shipped:
        return None
    return (
        "this daemon runs on the shipped configuration, which is not changed: begin with a copy of "
        f"{SHIPPED_CONFIG}, and start with --config"
    )


def _text(path: Path) -> str:
    try:
        data = path.read_bytes()
        if len(data) > _MOST_BYTES:
            raise UsageError(f"{path.name} has more than {_MOST_BYTES // 1024} KB; change it by hand")
        return data.decode("utf-8")
    except OSError as error:
        raise UsageError(f"{path} cannot be read: {(error.strerror or str(error)).lower()}") from error
    except UnicodeDecodeError as error:
        raise UsageError(f"{path} is no UTF-8 text; change it by hand") from error


def _settings(file: ConfigFile, text: str, otherwise: str) -> Settings:
    try:
        return file.read(text)
    except ConfigError as error:
        shown = "; ".join(map(str, error.faults[:_MOST_FAULTS]))
        raise UsageError(f"{otherwise}: {redact_text(shown)}") from error


def _placed(change: AnyChange, settings: Settings) -> Change:
    """Where in the file a change is made."""
    if change.task not in settings.tasks:
        raise UsageError(f"the file has no task {change.task!r}; its tasks: {', '.join(settings.tasks)}")
    if isinstance(change, RegionChange):
        rect = None if change.region is None else list(change.region)
        return Change((*_regions_of(change, settings), change.field), rect)
    if isinstance(change, SchemaChange):
        return Change(("tasks", change.task, "schema"), change.answer)
    return Change(("tasks", change.task, "prompt"), change.prompt)


def _regions_of(change: RegionChange, settings: Settings) -> tuple[str | int, ...]:
    if change.source is None:
        return ("tasks", change.task, "regions")
    ids = [source.id for source in settings.sources]
    if change.source not in ids:
        raise UsageError(f"the file has no source {change.source!r}; its sources: {', '.join(ids)}")
    return ("sources", ids.index(change.source), "regions", change.task)


def _expected(settings: Settings, changes: Sequence[Change]) -> Any:
    """What the configuration is to be, made without YAML."""
    document = copy.deepcopy(_document(settings))
    for change in changes:
        _make(document, change)
    return _without_nothing(document)


def _plain(settings: Settings) -> Any:
    return _without_nothing(_document(settings))


def _document(settings: Settings) -> Any:
    return settings.model_dump(mode="json", by_alias=True)


def _make(document: Any, change: Change) -> None:
    *way, last = change.path
    place = document
    for key in way:
        if change.value is None and isinstance(place, dict) and key not in place:
            return
        place = place.setdefault(key, {}) if isinstance(place, dict) else place[key]
    if change.value is None:
        place.pop(last, None)
    else:
        place[last] = change.value


def _without_nothing(value: Any) -> Any:
    """Without entries that are null: what is not there is not set."""
    if isinstance(value, dict):
        return {key: _without_nothing(inner) for key, inner in value.items() if inner is not None}
    return [_without_nothing(inner) for inner in value] if isinstance(value, list) else value
