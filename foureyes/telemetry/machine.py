"""How busy the machine is, and how much of that is ours: one sample every few seconds."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass

import psutil

from foureyes.telemetry.gpu import Gpus, GpuUse
from foureyes.telemetry.resources import ProcessUse, available_bytes, together, total_bytes, tree_uses


@dataclass(frozen=True)
class TreeUse:
    """What a process and its children use: of all the machine's processors together, and of its memory."""

    cpu_percent: float
    rss_bytes: int
    cpu_s: float


@dataclass(frozen=True)
class MachineUse:
    """The machine now, and its processors since the sample before."""

    cpu_percent: float
    others_percent: float
    """What is neither the daemon's nor its servers'."""
    available_bytes: int
    total_bytes: int
    trees: Mapping[str, TreeUse]
    gpus: tuple[GpuUse, ...] | None
    """None where no card can be asked."""


@dataclass(frozen=True)
class _Clocks:
    """CPU seconds so far: all that there were, those in use, and those of each process of ours."""

    whole_s: float
    busy_s: float
    by_pid_s: Mapping[int, float]


class Machine:
    """Takes samples. Shares are of the time since the sample before; a first one is taken on construction."""

    def __init__(self) -> None:
        self._gpus = Gpus()
        self._before = _clocks({})

    def sample(self, roots: Mapping[str, int]) -> MachineUse:
        """The use since the last sample, where `roots` are the pids of the daemon and of its servers.

        Slow (some milliseconds): keep it off the event loop.
        """
        trees = _apart({name: tree_uses(pid) for name, pid in roots.items()})
        ours = {pid: use for tree in trees.values() for pid, use in tree.items()}
        before, now = self._before, _clocks(ours)
        self._before = now
        cpu_percent = _percent(now.busy_s - before.busy_s, before, now)
        return MachineUse(
            cpu_percent=cpu_percent,
            others_percent=max(0.0, round(cpu_percent - _share(ours, before, now), 1)),
            available_bytes=available_bytes(),
            total_bytes=total_bytes(),
            trees={name: _tree(tree, _share(tree, before, now)) for name, tree in trees.items()},
            gpus=self._gpus.uses(),
        )


def _apart(trees: Mapping[str, Mapping[int, ProcessUse]]) -> dict[str, dict[int, ProcessUse]]:
    """Each process in one tree: a server that the daemon started is not counted with the daemon."""
    apart: dict[str, dict[int, ProcessUse]] = {}
    seen: set[int] = set()
    for name in sorted(trees, key=lambda name: len(trees[name])):
        apart[name] = {pid: use for pid, use in trees[name].items() if pid not in seen}
        seen |= trees[name].keys()
    return apart


def _tree(uses: Mapping[int, ProcessUse], cpu_percent: float) -> TreeUse:
    whole = together(uses.values())
    return TreeUse(cpu_percent, whole.rss_bytes, whole.cpu_s)


def _clocks(ours: Mapping[int, ProcessUse]) -> _Clocks:
    times = psutil.cpu_times()
    guests_s = getattr(times, "guest", 0.0) + getattr(
        times, "guest_nice", 0.0
    )  # Linux counts them as user time too
    whole_s = sum(times) - guests_s
    idle_s = times.idle + getattr(times, "iowait", 0.0)
    return _Clocks(whole_s, whole_s - idle_s, {pid: use.cpu_s for pid, use in ours.items()})


def _share(pids: Iterable[int], before: _Clocks, now: _Clocks) -> float:
    """What these processes used; of one that is new all it ever used, so that a start is not taken for others'."""
    return _percent(sum(now.by_pid_s[pid] - before.by_pid_s.get(pid, 0.0) for pid in pids), before, now)


def _percent(spent_s: float, before: _Clocks, now: _Clocks) -> float:
    whole_s = now.whole_s - before.whole_s
    return 0.0 if whole_s <= 0 else round(min(100.0, max(0.0, 100.0 * spent_s / whole_s)), 1)
