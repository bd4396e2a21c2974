"""What processes use, and how much memory there still is, by psutil."""

from __future__ import annotations

import os
from collections.abc import Iterable
from dataclasses import dataclass

import psutil

from foureyes.telemetry.cgroup import memory_bounds


@dataclass(frozen=True)
class ProcessUse:
    """Resident memory and CPU time of a process, or of several together."""

    rss_bytes: int
    cpu_s: float


def process_use(pid: int | None = None) -> ProcessUse:
    """The use of one process (this one by default, without its children) or of a whole tree by its root's pid."""
    return together(tree_uses(pid).values() if pid is not None else [_use(psutil.Process())])


def tree_uses(pid: int) -> dict[int, ProcessUse]:
    """The use of a process and of each of its children, by pid; nothing where it has ended."""
    try:
        root = psutil.Process(pid)
        return {process.pid: _use(process) for process in (root, *root.children(recursive=True))}
    except psutil.NoSuchProcess:
        return {}


def job_root(pid: int) -> int:
    """The first process of the job that a process belongs to; itself where that cannot be told, or is our own job.

    LM Studio's workers are no children of the process that listens: what they use would be taken for others'.
    """
    if not hasattr(os, "getpgid"):  # Windows has no process groups
        return pid
    try:
        leader = os.getpgid(pid)
    except (ProcessLookupError, PermissionError):
        return pid
    return leader if leader != os.getpgrp() and psutil.pid_exists(leader) else pid


def together(uses: Iterable[ProcessUse]) -> ProcessUse:
    """The sum of several uses."""
    rss_bytes, cpu_s = 0, 0.0
    for use in uses:
        rss_bytes += use.rss_bytes
        cpu_s += use.cpu_s
    return ProcessUse(rss_bytes, cpu_s)


def _use(process: psutil.Process) -> ProcessUse:
    """What one process uses: nothing where it ended meanwhile, or is not ours to see."""
    try:
        with process.oneshot():
            times = process.cpu_times()
            return ProcessUse(process.memory_info().rss, times.user + times.system)
    except (psutil.NoSuchProcess, psutil.AccessDenied):
        return ProcessUse(0, 0.0)


def available_bytes() -> int:
    """Memory that programs could still have, of the machine and of the control groups around this process."""
    available, bounds = int(psutil.virtual_memory().available), memory_bounds()
    return available if bounds is None else min(available, bounds.available_bytes)


def total_bytes() -> int:
    """Memory that there is, of the machine or of the tightest control group."""
    total, bounds = int(psutil.virtual_memory().total), memory_bounds()
    return total if bounds is None else min(total, bounds.limit_bytes)
