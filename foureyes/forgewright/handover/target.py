"""What every receiver of cases is."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Protocol


class Target(Protocol):
    """Takes a case. Its name is what a case remembers of having been delivered."""

    @property
    def name(self) -> str:
        """`command`, `webhook` or `folder`."""

    def check(self) -> str:
        """What it hands cases to. Raises HandOverError where it could not do so now; nothing is handed over."""

    async def deliver(self, case_id: str, case_file: Path) -> None:
        """Hand over the case whose task is in `case_file`. Raises HandOverError with what to do about it."""


def write_whole(file: Path, data: bytes, *, mode: int | None = None) -> None:
    """Write a file that is there whole or not at all, also for whoever watches its folder. Raises OSError."""
    file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
    unfinished = file.with_name(f".{file.name}.new")
    with unfinished.open("wb") as stream:
        stream.write(data)
        stream.flush()
        os.fsync(stream.fileno())
    if mode is not None:
        unfinished.chmod(mode)
    unfinished.replace(file)
