"""What manages services here, as the command `foureyes service` sees it: install, uninstall, status."""

from __future__ import annotations

import sys
import sysconfig
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol


@dataclass(frozen=True)
class ServiceStatus:
    """How the service stands, in the manager's own words."""

    manager: str
    installed: bool
    enabled: bool
    active: bool
    state: str
    pid: int | None = None
    restarts: int | None = None
    text: str | None = None
    """What the daemon last said of itself."""


class ServiceManager(Protocol):
    """An operating system's manager of services. Every method raises ServiceError with what to do instead."""

    def install(self, command: Sequence[str]) -> None:
        """Have the command run from now on and after each start of the machine; may be repeated."""
        ...

    def preview(self, command: Sequence[str]) -> str:
        """What `install` would do, and what would hinder it; nothing is done."""
        ...

    def uninstall(self) -> None:
        """Stop the service and forget it; may be repeated."""
        ...

    def status(self) -> ServiceStatus:
        """Ask how it stands."""
        ...


def installed_command() -> list[str]:
    """How this very installation is started, with absolute paths."""
    script = Path(sysconfig.get_path("scripts")) / "foureyes"
    return [str(script)] if script.is_file() else [sys.executable, "-m", "foureyes"]
