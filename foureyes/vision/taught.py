"""What was taught: labelled pictures in the state folder, by digest, bounded, for the engine to compare with.

The daemon and the commands put their digests into the tasks' schemas (`x-taught`), so that they are part of a
plan: a task with another set of pictures is another task, and what it held or cached is let go.
"""

from __future__ import annotations

import os
from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Annotated, Any

import filelock
from pydantic import BaseModel, ConfigDict, StringConstraints, TypeAdapter, ValidationError

from foureyes.config import Settings
from foureyes.config.settings import Task
from foureyes.exceptions import UsageError
from foureyes.picture import Pixels, digest, encode_png
from foureyes.schema.annotations import MOST_TAUGHT
from foureyes.schema.document import annotated, fields

_INDEX, _LOCK = "pictures.json", "lock"
_MOST_PICTURES = 500
_MOST_BYTES = 500_000_000
_LOCK_WITHIN_S = 5.0


class Example(BaseModel):
    """One picture, and what it shows."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    task: str
    field: str
    label: str
    digest: Annotated[str, StringConstraints(pattern=r"^[0-9a-f]{32}$")]
    taught_at: datetime


_EXAMPLES = TypeAdapter(list[Example])


def taught_folder(state_dir: Path) -> Path:
    """Where the pictures of a state folder are."""
    return state_dir / "taught"


class TaughtPictures:
    """The folder of taught pictures. Every change is whole or not at all; several programs may change it."""

    def __init__(self, state_dir: Path) -> None:
        self._folder = taught_folder(state_dir)
        self._index = self._folder / _INDEX

    def examples(self) -> list[Example]:
        """All that was taught, oldest first. Raises UsageError where the list cannot be read."""
        try:
            return _EXAMPLES.validate_json(self._index.read_bytes())
        except FileNotFoundError:
            return []
        except (OSError, ValidationError) as error:
            raise UsageError(
                f"the list of taught pictures {self._index} cannot be read; move the folder away, and teach anew"
            ) from error

    def version(self) -> object:
        """Another one after each change; cheap to ask for."""
        try:
            status = self._index.stat()
        except OSError:
            return None
        return status.st_mtime_ns, status.st_ino

    def teach(self, task: str, field: str, label: str, pixels: Pixels) -> Example:
        """Keep a picture of a state. Raises UsageError where it is taught already, or there are too many."""
        example = Example(task=task, field=field, label=label, digest=digest(pixels), taught_at=datetime.now(UTC))
        with self._changing() as examples:
            _check_room(examples, example)
            data = encode_png(pixels)
            if self._held_bytes() + len(data) > _MOST_BYTES:
                raise UsageError(
                    f"the taught pictures fill their {_MOST_BYTES // 1_000_000} MB; forget some first"
                )
            _write(self._folder / f"{example.digest}.png", data)
            self._keep([*examples, example])
        return example

    def forget(self, task: str, label: str | None = None, digest_begins: str = "") -> list[Example]:
        """Forget a task's pictures, or those of a label, or one by the begin of its digest; what was forgotten."""
        with self._changing() as examples:
            gone = [
                each
                for each in examples
                if each.task == task and label in {None, each.label} and each.digest.startswith(digest_begins)
            ]
            kept = [each for each in examples if each not in gone]
            self._keep(kept)
            for name in {each.digest for each in gone} - {each.digest for each in kept}:
                (self._folder / f"{name}.png").unlink(missing_ok=True)
        return gone

    def applied(self, settings: Settings) -> Settings:
        """The configuration with the digests in its tasks' schemas. Raises UsageError as `examples` does."""
        examples = self.examples()
        tasks = {name: _with_taught(task, _of(examples, name)) for name, task in settings.tasks.items()}
        return settings.model_copy(update={"tasks": tasks})

    @contextmanager
    def _changing(self) -> Iterator[list[Example]]:
        try:
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            with filelock.FileLock(self._folder / _LOCK, timeout=_LOCK_WITHIN_S):
                yield self.examples()
        except filelock.Timeout:
            raise UsageError(f"another program changes {self._folder} just now; try again") from None
        except OSError as error:
            raise UsageError(f"nothing can be kept in {self._folder}: {error.strerror or error}") from error

    def _keep(self, examples: Sequence[Example]) -> None:
        _write(self._index, _EXAMPLES.dump_json(list(examples), indent=2))

    def _held_bytes(self) -> int:
        return sum(file.stat().st_size for file in self._folder.glob("*.png"))


def _check_room(examples: Sequence[Example], example: Example) -> None:
    alike = [each for each in examples if (each.task, each.field) == (example.task, example.field)]
    if known := [each for each in alike if each.digest == example.digest]:
        raise UsageError(f"this very picture is taught as {known[0].label!r} already; forget it there first")
    if sum(each.label == example.label for each in alike) >= MOST_TAUGHT:
        raise UsageError(f"{example.label!r} has its {MOST_TAUGHT} pictures already; forget one of them first")
    if len(examples) >= _MOST_PICTURES:
        raise UsageError(f"{_MOST_PICTURES} pictures are taught already; forget some first")


def _write(file: Path, data: bytes) -> None:
    """Write a file that only its owner can read, whole or not at all."""
    whole = file.with_suffix(".new")
    with os.fdopen(os.open(whole, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "wb") as opened:
        opened.write(data)
        opened.flush()
        os.fsync(opened.fileno())
    whole.replace(file)


def _of(examples: Iterable[Example], task: str) -> dict[str, dict[str, list[str]]]:
    """A task's digests by field and label."""
    found: dict[str, dict[str, list[str]]] = {}
    for each in examples:
        if each.task == task:
            found.setdefault(each.field, {}).setdefault(each.label, []).append(each.digest)
    return found


def _with_taught(task: Task, taught: Mapping[str, Mapping[str, list[str]]]) -> Task:
    """The task with `x-taught` by field; what the schema no longer has a member for is left out."""
    if not taught and not any("x-taught" in prop for prop in task.answer["properties"].values()):
        return task
    members = {field.name: field.members for field in fields(task.answer) if field.kind == "enum"}
    extra: dict[str, Mapping[str, Any]] = {}
    for name, by_label in taught.items():
        known = {label: digests for label, digests in by_label.items() if label in members.get(name, ())}
        if known:
            extra[name] = {"x-taught": known}
    plain = {
        name: {key: value for key, value in prop.items() if key != "x-taught"}
        for name, prop in task.answer["properties"].items()
    }
    answer = annotated({**task.answer, "properties": plain}, extra)
    return task.model_copy(update={"answer": answer})
