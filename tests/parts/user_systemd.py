"""A real `systemd --user` in a control group and a mount namespace of its own, seen by nobody else."""

from __future__ import annotations

import contextlib
import os
import shutil
import stat
import subprocess
from pathlib import Path
from typing import Self

from parts.program import MissingProgramError, Program, find, wait_until

_MANAGER = Path("/lib/systemd/systemd")
_INSIDE = """
mount --make-rprivate / && mount -t cgroup2 cgroup2 /sys/fs/cgroup && mount -t tmpfs tmpfs /run &&
mkdir -p /run/systemd/system && exec {manager} --user --log-target=console --unit=basic.target
"""
_TARGETS = ("basic.target", "shutdown.target", "graphical-session.target")
"""All the units that it knows besides what a test installs."""


class NotAllowedError(Exception):
    """This machine does not let us make namespaces and control groups."""


class UserSystemd:
    """The manager of a user whose home is a folder of the test's; `environment()` makes commands speak to it."""

    def __init__(self, folder: Path) -> None:
        self.home, self.units = folder / "home", folder / "home" / "config" / "systemd" / "user"
        self._bin, self._log = folder / "bin", folder / "systemd.log"
        self._group = _control_groups() / f"foureyes-test-{os.getpid()}"

    def __enter__(self) -> Self:
        self._check()
        for folder in (self.units, self._bin, self.home / "run"):
            folder.mkdir(parents=True)
        (self.home / "run").chmod(0o700)
        for name in _TARGETS:
            (self.units / name).write_text("[Unit]\nDefaultDependencies=no\n")
        self._group.mkdir()
        self._program = Program(self._command(), self._log, self._variables())
        self._enterable()
        try:
            wait_until(lambda: self.systemctl("is-system-running").strip() == "running", 60, "systemd")
        except TimeoutError as error:
            self.__exit__()
            raise NotAllowedError(f"no systemd could be started here: {self._program.tail()}") from error
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):
            (self._group / "cgroup.kill").write_text("1")
        self._program.kill()
        for folder in sorted(self._group.rglob("*/"), reverse=True):
            wait_until(lambda folder=folder: _removed(folder), 60, f"{folder} is empty")
        wait_until(lambda: _removed(self._group), 60, f"{self._group} is empty")

    def environment(self) -> dict[str, str]:
        """The variables with which `systemctl --user` finds this manager and no other."""
        return {**self._variables(), "PATH": f"{self._bin}{os.pathsep}{os.environ['PATH']}"}

    def systemctl(self, *words: str) -> str:
        command = [str(self._bin / "systemctl"), "--user", *words]
        return subprocess.run(
            command, env=self.environment(), capture_output=True, text=True, check=False, timeout=60
        ).stdout

    @staticmethod
    def _check() -> None:
        if not _MANAGER.exists():
            raise MissingProgramError(f"{_MANAGER} is not installed: apt-get install systemd")
        for program in ("unshare", "nsenter"):
            find(program, "util-linux")
        if os.geteuid() != 0:
            raise NotAllowedError("only root may make a control group")

    def _command(self) -> list[str]:
        script = 'echo $$ >"$0/cgroup.procs" && exec unshare --mount --cgroup sh -c "$1"'
        return ["sh", "-c", script, str(self._group), _INSIDE.format(manager=_MANAGER)]

    def _variables(self) -> dict[str, str]:
        kept = {
            name: value
            for name, value in os.environ.items()
            if not name.startswith(("FOUREYES_", "XDG_", "DBUS_", "DISPLAY"))
        }
        return kept | {
            "HOME": str(self.home),
            "XDG_CONFIG_HOME": str(self.home / "config"),
            "XDG_RUNTIME_DIR": str(self.home / "run"),
            "SYSTEMD_UNIT_PATH": str(self.units),
        }

    def _enterable(self) -> None:
        """A systemctl that steps into the namespace: outside of it no systemd seems to run."""
        program = self._bin / "systemctl"
        inside = f"nsenter -t {self._program.process.pid} --mount --cgroup --"
        program.write_text(f'#!/bin/sh\nexec {inside} {shutil.which("systemctl")} "$@"\n')
        program.chmod(program.stat().st_mode | stat.S_IXUSR)


def _control_groups() -> Path:
    """Where the one hierarchy of control groups is mounted."""
    for line in Path("/proc/mounts").read_text().splitlines():
        _, place, kind, *_ = line.split()
        if kind == "cgroup2" and os.access(place, os.W_OK):
            return Path(place)
    raise NotAllowedError("no writable cgroup2 is mounted here")


def _removed(folder: Path) -> bool:
    with contextlib.suppress(FileNotFoundError):
        try:
            folder.rmdir()
        except OSError:
            return False
    return True
