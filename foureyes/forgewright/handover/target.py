"""What every receiver of cases is."""

from __future__ import annotations

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
