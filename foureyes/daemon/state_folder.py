"""The state folder: one daemon at a time, and where the others find it."""

from __future__ import annotations

import json
import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import filelock

from foureyes.exceptions import StateFolderBusyError, UsageError

_LOCK, _DAEMON = "lock", "daemon.json"


@contextmanager
def claimed(folder: Path) -> Iterator[None]:
    """Hold the folder for this process; the kernel lets go of it however the process ends.

    Raises StateFolderBusyError naming the holder, UsageError where the folder cannot be made or written.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock = filelock.FileLock(folder / _LOCK)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise StateFolderBusyError(_busy(folder)) from None
    except OSError as error:
        raise UsageError(
            f"the state folder {folder} cannot be used ({error.strerror}); choose another with --state-dir"
        ) from error
    try:
        yield
    finally:
        forget(folder)
        lock.release()


def _busy(folder: Path) -> str:
    holder = running(folder)
    who = f"process {holder['pid']}, {holder['url']}" if holder else "another process"
    return (
        f"a FourEyes daemon works in {folder} already ({who}); stop it, or choose another folder with --state-dir"
    )


def announce(folder: Path, document: Mapping[str, Any]) -> None:
    """Write where this daemon can be found; whole or not at all."""
    whole = folder / f"{_DAEMON}.new"
    whole.write_text(json.dumps({"pid": os.getpid(), **document}), encoding="utf-8")
    whole.replace(folder / _DAEMON)


def running(folder: Path) -> dict[str, Any] | None:
    """What the daemon of this folder said of itself; None where there is none."""
    try:
        document = json.loads((folder / _DAEMON).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return None
    whole = isinstance(document, dict) and "pid" in document and "url" in document
    return document if whole and _is_held(folder) else None


def _is_held(folder: Path) -> bool:
    """Whether a daemon lives here: what one that was killed left behind is not believed."""
    try:
        with filelock.FileLock(folder / _LOCK, timeout=0):
            return False
    except filelock.Timeout:
        return True


def forget(folder: Path) -> None:
    """Take back what `announce` wrote."""
    (folder / _DAEMON).unlink(missing_ok=True)
