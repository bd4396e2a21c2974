"""Recording faults in tests: a recorder in a folder, exceptions that were raised, and what is kept of them."""

from __future__ import annotations

import contextlib
import sys
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from foureyes.config.settings import Errors
from foureyes.errors import queries
from foureyes.errors.group import Group
from foureyes.errors.recorder import FaultRecorder
from foureyes.errors.spool import Spool, spool_file
from parts.program import wait_until


class Recording:
    """A recorder at work, and what it counted."""

    def __init__(self, folder: Path, settings: Errors, **more: Any) -> None:
        self.folder = folder
        self.dropped: Counter[str] = Counter()
        self.counted: Counter[tuple[str, str]] = Counter()
        self.kept: list[Any] = []
        self.recorder = FaultRecorder(
            folder,
            settings,
            dropped=self._drop,
            counted=lambda component, severity: self.counted.update([(component, severity)]),
            on_kept=self.kept.append,
            **more,
        )

    def _drop(self, where: str, reason: str) -> None:
        self.dropped[f"{where}/{reason}"] += 1

    def wait_count(self, number: int) -> None:
        """Until so many faults are on disk."""
        wait_until(lambda: sum(group.count for group in groups(self.folder)) >= number, 60, f"{number} faults")


@contextlib.contextmanager
def recording(folder: Path, settings: Errors | None = None, **more: Any) -> Iterator[Recording]:
    """Record into a state folder."""
    running = Recording(folder, settings or Errors(), **more)
    running.recorder.start()
    try:
        yield running
    finally:
        running.recorder.close()


def raised(error: Exception) -> Exception:
    """The same exception once it was raised, so that it has a traceback."""
    try:
        raise error  # noqa: TRY301 - it is to have a traceback
    except Exception as caught:  # noqa: BLE001 - whatever was given
        return caught


def groups(folder: Path) -> list[Group]:
    """The groups in a state folder, as another process would see them."""
    if not spool_file(folder).exists():
        return []
    with Spool(spool_file(folder)) as spool:
        return queries.groups(spool)


def events(folder: Path) -> list[dict[str, Any]]:
    """Every event that is kept in a state folder, oldest first."""
    with Spool(spool_file(folder)) as spool:
        return [each.document for each in spool.unsent(1_000_000)]


def storm_program(folder: Path) -> list[str]:
    """The arguments of a program that records distinct faults without end and prints the id of each on disk."""
    return [sys.executable, "-m", "parts.storming", str(folder)]
