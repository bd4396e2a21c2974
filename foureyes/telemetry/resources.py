"""What processes and the machine use, by psutil."""

from __future__ import annotations

import contextlib
from dataclasses import dataclass

import psutil


@dataclass(frozen=True)
class ProcessUse:
    """Resident memory and CPU time of a process with its children."""

    rss_bytes: int
    cpu_s: float


def process_use(pid: int | None = None) -> ProcessUse:
    """The use of one process (this one by default, without its children) or of a whole tree by its root's pid."""
    rss_bytes, cpu_s = 0, 0.0
    for process in _tree(pid):
        with contextlib.suppress(psutil.NoSuchProcess, psutil.AccessDenied), process.oneshot():
            times = process.cpu_times()
            rss_bytes += process.memory_info().rss
            cpu_s += times.user + times.system
    return ProcessUse(rss_bytes, cpu_s)


def _tree(pid: int | None) -> list[psutil.Process]:
    if pid is None:
        return [psutil.Process()]
    try:
        root = psutil.Process(pid)
        return [root, *root.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []


def available_bytes() -> int:
    """Memory that programs could still have."""
    return int(psutil.virtual_memory().available)
