"""The project that a fix is for: which tree it is, and a copy of it to work in."""

from __future__ import annotations

import os
import shutil
from dataclasses import dataclass
from pathlib import Path
from threading import Event

import foureyes
from foureyes.exceptions import ApprovalError, VerificationError
from foureyes.servers.process import program

_PACKAGE = Path(foureyes.__file__).parent
_LEFT_OUT = shutil.ignore_patterns(".git", ".venv*", ".tox", ".nox", ".*_cache", "node_modules", "*.egg-info")
"""Of Python's own cache all is taken along: it knows by itself what is out of date."""
_MB = 1_000_000


@dataclass(frozen=True)
class Project:
    """A source tree with the package in it."""

    root: Path
    source: Path = Path()
    """From the root to what is put on Python's path."""
    is_installed: bool = False
    """It is where packages are installed to, shared with others: only the package itself is of the project."""

    @property
    def judge(self) -> Path:
        """From the root to the code that runs reproductions."""
        return self.source / _PACKAGE.name / "forgewright" / "reproduction"

    def check_writable(self) -> None:
        """Raise ApprovalError where no fix can be applied here."""
        if self.is_installed:
            raise ApprovalError(
                f"{self.root} is where packages are installed to, and not changed: name the source tree in "
                "triage.project, or apply the patch where FourEyes is built"
            )
        if not os.access(self.root, os.W_OK):
            raise ApprovalError(f"the project {self.root} cannot be written by this user")


def project_of(configured: Path | None) -> Project:
    """The configured project, or the tree that FourEyes runs from. Raises VerificationError where it is none."""
    if configured is None:
        root = _PACKAGE.parent
        return Project(root, is_installed=not (root / "pyproject.toml").is_file())
    root = configured.expanduser().absolute()
    for source in (Path(), Path("src")):
        if (root / source / _PACKAGE.name / "__init__.py").is_file():
            return Project(root, source)
    raise VerificationError(f"{root} (triage.project) has no package {_PACKAGE.name} in it")


def program_of(name: str, project: Project, copy: Path | None = None) -> Path:
    """Where the project's tests begin: a file of the project, which is taken from the copy, or a program's name.

    Raises VerificationError where there is none.
    """
    trees = [copy, project.root] if copy else [project.root]
    places = [tree / name for tree in trees] if Path(name).name != name else []
    found = next((place for place in places if place.is_file()), None) or program.found(name)
    if found is None:
        raise VerificationError(f"there is no program '{name}' (triage.verify_command) that can be run")
    return found


def runs_from(configured: Path | None) -> bool:
    """Whether the project is the tree that this FourEyes runs from, so that a restart brings a fix into effect."""
    try:
        project = project_of(configured)
    except VerificationError:
        return False  # whoever verifies is told
    return (project.root / project.source / _PACKAGE.name).resolve() == _PACKAGE.resolve()


class Copying:
    """One copy of a project, which may be stopped from another thread."""

    def __init__(self, project: Project, *, without: Path, max_mb: int) -> None:
        """`without` is a folder that is left out: the state folder may be inside the project."""
        self._project = project
        self._without = without.resolve()
        self._max_mb = max_mb
        self._bytes = 0
        self._stop = Event()

    def stop(self) -> None:
        """End the copying as soon as may be."""
        self._stop.set()

    def run(self, target: Path) -> None:
        """Copy to a folder that is not there yet: no tools' folders and no links. Raises VerificationError."""
        part = _PACKAGE.name if self._project.is_installed else ""
        try:
            shutil.copytree(
                self._project.root / part, target / part, ignore=self._left_out, copy_function=self._copied
            )
        except (OSError, shutil.Error) as error:
            raise VerificationError(f"the project {self._project.root} cannot be copied: {error}") from error

    def _left_out(self, folder: str, names: list[str]) -> set[str]:
        entries = [Path(folder, name) for name in names]
        return {entry.name for entry in entries if self._is_foreign(entry)} | _LEFT_OUT(folder, names)

    def _is_foreign(self, entry: Path) -> bool:
        """What leads elsewhere, a virtual environment, the state folder, or nothing that can be copied."""
        if entry.is_symlink() or not (entry.is_dir() or entry.is_file()):
            return True
        return (entry / "pyvenv.cfg").exists() or entry.resolve() == self._without

    def _copied(self, source: str, target: str) -> None:
        self._bytes += Path(source).stat().st_size
        if self._bytes > self._max_mb * _MB:
            raise VerificationError(
                f"the project {self._project.root} is over {self._max_mb} MB (triage.project_max_mb)"
            )
        if self._stop.is_set():
            raise VerificationError("the copying was stopped")
        shutil.copy2(source, target)
