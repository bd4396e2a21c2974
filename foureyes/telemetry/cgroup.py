"""The memory limits of control groups, v1 and v2: what a container or a unit may use of the machine."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

_OWN, _MOUNT = Path("/proc/self/cgroup"), Path("/sys/fs/cgroup")
_NO_LIMIT_BYTES = 2**60
"""v1 writes a number near 2**63 where there is no limit."""


@dataclass(frozen=True)
class _Version:
    limit: str
    usage: str
    reclaimable: str
    """What counts as used although the kernel would give it back: files that nobody looked at lately."""


_V1 = _Version("memory.limit_in_bytes", "memory.usage_in_bytes", "total_inactive_file")
_V2 = _Version("memory.max", "memory.current", "inactive_file")


@dataclass(frozen=True)
class MemoryBounds:
    """The tightest limit around this process, and how much of one is left."""

    limit_bytes: int
    available_bytes: int


def memory_bounds(own: Path = _OWN, mount: Path = _MOUNT) -> MemoryBounds | None:
    """What the groups that hold this process allow; None where none has a limit."""
    bounds = [found for folder, version in _groups(own, mount) if (found := _bounds(folder, version))]
    if not bounds:
        return None
    return MemoryBounds(min(each.limit_bytes for each in bounds), min(each.available_bytes for each in bounds))


def _groups(own: Path, mount: Path) -> Iterator[tuple[Path, _Version]]:
    """The folders of the group and of all that hold it."""
    try:
        lines = own.read_text("utf-8").splitlines()
    except OSError:  # not Linux
        return
    for line in lines:
        _, controllers, path = line.split(":", 2)
        if not controllers:
            yield from ((folder, _V2) for folder in _upwards(mount, path))
        elif "memory" in controllers.split(","):
            yield from ((folder, _V1) for folder in _upwards(mount / "memory", path))


def _upwards(top: Path, path: str) -> Iterator[Path]:
    """From a group up to the top of what is mounted; inside a container its path may lead outside of that."""
    folder = top / path.lstrip("/")
    while folder != top and ".." not in folder.parts:
        yield folder
        folder = folder.parent
    yield top


def _bounds(folder: Path, version: _Version) -> MemoryBounds | None:
    try:
        limit = (folder / version.limit).read_text("utf-8").strip()
        if limit == "max" or int(limit) >= _NO_LIMIT_BYTES:
            return None
        used_bytes = int((folder / version.usage).read_text("utf-8")) - _reclaimable_bytes(folder, version)
    except (OSError, ValueError):  # not there, not ours to read, or of another kernel
        return None
    return MemoryBounds(int(limit), max(0, int(limit) - used_bytes))


def _reclaimable_bytes(folder: Path, version: _Version) -> int:
    for line in (folder / "memory.stat").read_text("utf-8").splitlines():
        name, _, value = line.partition(" ")
        if name == version.reclaimable:
            return int(value)
    return 0
