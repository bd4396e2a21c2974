"""Files that are there whole or not at all, also for whoever watches their folder."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(file: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write a file, and the folders above it where they are missing. Raises OSError.

    With a mode of its own it is its owner's alone until it is whole: it may hold what others shall not read.
    """
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = file.with_name(f".{file.name}.new")
    first_mode = 0o666 if mode is None else 0o600
    with os.fdopen(os.open(unfinished, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, first_mode), "wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    if mode is not None:
        unfinished.chmod(mode)
    unfinished.replace(file)
