"""Files that are there whole or not at all, also for whoever watches their folder."""

from __future__ import annotations

import os
from pathlib import Path


def write_whole(file: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write a file, and the folders above it where they are missing. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = file.with_name(f".{file.name}.new")
    with unfinished.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    if mode is not None:
        unfinished.chmod(mode)
    unfinished.replace(file)
