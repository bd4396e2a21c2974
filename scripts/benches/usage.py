"""What process trees cost: CPU seconds and resident memory, sampled once a second."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from types import TracebackType
from typing import Self

import psutil

EVERY_S = 1.0


@dataclass
class Use:
    """One group of processes over a stretch of time."""

    cpu_s: float = 0.0
    rss_bytes: list[int] = field(default_factory=list)


def cpu_s(processes: list[psutil.Process]) -> float:
    """CPU seconds, user and system, that the processes have used since they began."""
    return sum(sum(process.cpu_times()[:2]) for process in processes)


class Meter:
    """Measures named groups of processes between `with` and its end.

    A group is asked for anew at each sample; a process that ends in between loses at most its last second.
    """

    def __init__(self, groups: Mapping[str, Callable[[], list[psutil.Process]]]) -> None:
        self._groups = dict(groups)
        self._end = threading.Event()
        self._seen: dict[str, dict[int, tuple[float, float]]] = {name: {} for name in groups}
        self.uses = {name: Use() for name in groups}
        self.seconds = 0.0

    def __enter__(self) -> Self:
        self._began_s = time.monotonic()
        self._sample()
        self._thread = threading.Thread(target=self._run, name="meter")
        self._thread.start()
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._end.set()
        self._thread.join()
        self._sample()
        self.seconds = time.monotonic() - self._began_s
        for name, seen in self._seen.items():
            self.uses[name].cpu_s = sum(last - first for first, last in seen.values())

    def _run(self) -> None:
        while not self._end.wait(EVERY_S):
            self._sample()

    def _sample(self) -> None:
        for name, group in self._groups.items():
            rss = 0
            for process in group():
                try:
                    used, rss = cpu_s([process]), rss + process.memory_info().rss
                except psutil.NoSuchProcess:
                    continue
                first, _ = self._seen[name].get(process.pid, (used, used))
                self._seen[name][process.pid] = first, used
            self.uses[name].rss_bytes.append(rss)

    def figures(self) -> dict[str, dict[str, float]]:
        """By group: share of one core in percent, and resident memory in MB, median and highest."""
        return {
            name: {
                "cpu_percent_of_a_core": round(100 * use.cpu_s / self.seconds, 2),
                "cpu_s": round(use.cpu_s, 2),
                "rss_mb_median": round(sorted(use.rss_bytes)[len(use.rss_bytes) // 2] / 1e6, 1),
                "rss_mb_highest": round(max(use.rss_bytes) / 1e6, 1),
            }
            for name, use in self.uses.items()
        }


def tree(pid: int) -> list[psutil.Process]:
    """The process and all it started; empty where it has ended."""
    try:
        process = psutil.Process(pid)
        return [process, *process.children(recursive=True)]
    except psutil.NoSuchProcess:
        return []
