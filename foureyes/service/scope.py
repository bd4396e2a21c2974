"""The two managers that systemd is: the system's, and that of the user who is logged in."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import platformdirs

_HIDDEN = tuple(Path(folder) for folder in ("/home", "/root", "/run/user", "/tmp", "/var/tmp"))  # noqa: S108 - none is written to
"""What the hardened system unit does not see, or sees empty."""


@dataclass(frozen=True)
class Scope:
    """Where a manager's units are, and how it is spoken to."""

    name: str
    template: str
    folder: Path
    environment: Path
    options: tuple[str, ...]
    """What systemctl and journalctl take for it."""
    when: str
    """When it is started again, for people."""
    as_root: bool
    hides: tuple[Path, ...]
    """Folders that its service cannot look into."""
    state_dir: Path | None = None
    """Where its service keeps its state by default; None is where this user's programs do."""


SYSTEM = Scope(
    name="system",
    template="foureyes.service",
    folder=Path("/etc/systemd/system"),
    environment=Path("/etc/foureyes/environment"),
    options=(),
    when="with the machine",
    as_root=True,
    hides=_HIDDEN,
    state_dir=Path("/var/lib/foureyes"),
)


def user_scope() -> Scope:
    """The scope of the user who asks."""
    configuration = Path(platformdirs.user_config_dir())
    return Scope(
        name="user",
        template="foureyes-user.service",
        folder=configuration / "systemd" / "user",
        environment=configuration / "foureyes" / "environment",
        options=("--user",),
        when="with each graphical session",
        as_root=False,
        hides=(),
    )


def hidden(paths: Iterable[Path], scope: Scope) -> list[Path]:
    """Those of the paths that the scope's service cannot see, symbolic links followed."""
    both = [place for path in paths for place in dict.fromkeys((path.absolute(), path.resolve()))]
    return [place for place in both if any(place.is_relative_to(folder) for folder in scope.hides)]


def of_this_installation() -> list[Path]:
    """What a service must see to run it: the interpreter with its library, and the package."""
    return [Path(sys.prefix), Path(sys.base_prefix), Path(__file__).parents[1]]


def is_root() -> bool:
    """Whether this process may change the system."""
    return hasattr(os, "geteuid") and os.geteuid() == 0
