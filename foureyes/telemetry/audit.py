"""The audit file: who changed what, one line a change, written by the daemon and by commands alike."""

from __future__ import annotations

import json
import os
from collections.abc import Callable
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import filelock

from foureyes.exceptions import AuditError
from foureyes.redaction import redact
from foureyes.telemetry.log import event

_FILE, _LOCK = "audit.jsonl", "audit.lock"
_MOST_BYTES, _KEPT = 1_000_000, 5
_MOST_CHARS = 4000
_LOCKED_WITHIN_S = 5.0


class Audit:
    """The audit file of one state folder; may be used from any thread and any process."""

    def __init__(self, folder: Path, utcnow: Callable[[], datetime] = lambda: datetime.now(UTC)) -> None:
        self._file = folder / _FILE
        self._lock = filelock.FileLock(folder / _LOCK, timeout=_LOCKED_WITHIN_S, mode=0o600)
        self._utcnow = utcnow

    def record(self, who: str, what: str, before: Any = None, after: Any = None) -> None:
        """Write one change that was made; it blocks until that is on disk, so a coroutine calls it in a thread.

        `who` is "page", "api ADDRESS" or "command USER"; `before` and `after` are JSON values, redacted here and
        cut where they are long. Raises AuditError where it cannot be written.
        """
        change = {"who": who, "what": what, "before": _shown(before), "after": _shown(after)}
        line = json.dumps({"at": self._utcnow().isoformat(timespec="milliseconds"), **change}, ensure_ascii=False)
        event("audit.change", f"{who}: {what}", **change)
        try:
            self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            os.close(_private(self._lock.lock_file, os.O_WRONLY | os.O_CREAT))
            with self._lock:
                self._make_room()
                _append(self._file, line)
        except OSError as error:  # filelock.Timeout is one
            reason = error.strerror or "another process holds its lock"
            raise AuditError(f"{what}: done, but {self._file} could not be written ({reason})") from error

    def _make_room(self) -> None:
        """Put a full file aside, and let the oldest of those go."""
        if not self._file.exists() or self._file.stat().st_size < _MOST_BYTES:
            return
        for number in reversed(range(_KEPT)):
            older = self._aside(number)
            if older.exists():
                older.replace(self._aside(number + 1))

    def _aside(self, number: int) -> Path:
        return self._file if number == 0 else self._file.with_name(f"{_FILE}.{number}")


def _append(file: Path, line: str) -> None:
    with open(file, "a", encoding="utf-8", opener=_private) as stream:
        stream.write(line + "\n")
        stream.flush()
        os.fsync(stream.fileno())


def _private(file: str, flags: int) -> int:
    """Open a file that is its folder's owner's alone, also where root begins it: a service goes on writing it."""
    descriptor = os.open(file, flags, 0o600)
    if hasattr(os, "geteuid") and os.geteuid() == 0:
        folder = Path(file).parent.stat()
        os.fchown(descriptor, folder.st_uid, folder.st_gid)
    return descriptor


def _shown(value: Any) -> Any:
    """A value without secrets; one that is long as the beginning of its JSON text."""
    clean = redact(value)
    text = json.dumps(clean, ensure_ascii=False, default=str)
    return clean if len(text) <= _MOST_CHARS else f"{text[:_MOST_CHARS]}[truncated]"
