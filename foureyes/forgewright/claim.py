"""A claim on a part of the state folder's work: who holds it does that work alone."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import filelock

from foureyes.exceptions import SpoolUnwritableError, StateFolderBusyError


@contextmanager
def claimed(file: Path, work: str) -> Iterator[None]:
    """Hold a lock; the kernel lets go of it however the process ends.

    Raises StateFolderBusyError where another process does this work, SpoolUnwritableError where no lock can be.
    """
    lock = filelock.FileLock(file, thread_local=False)
    try:
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        lock.acquire(timeout=0)
    except filelock.Timeout:
        raise StateFolderBusyError(f"another process does {work} now") from None
    except OSError as error:
        raise SpoolUnwritableError(f"{file} cannot be used: {error.strerror or error}") from error
    try:
        yield
    finally:
        lock.release()
