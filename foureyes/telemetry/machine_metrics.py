"""Metrics of the machine: what it has, what each of our processes uses, and how far FourEyes steps back."""

from __future__ import annotations

import math

from foureyes.telemetry.families import Families
from foureyes.telemetry.machine import MachineUse


class MachineMetrics:
    """The figures of one machine; NaN until they were measured."""

    def __init__(self, make: Families) -> None:
        self._resident = make.gauge("resident_bytes", "resident memory", "process")
        self._cpu = make.counter("process_cpu_seconds", "CPU time used so far", "process")
        self._cpu_s: dict[str, float] = {}
        self._share = make.gauge("process_cpu_ratio", "share of all processors lately", "process")
        self._busy = make.gauge("machine_cpu_busy_ratio", "share of all processors in use lately")
        self._others = make.gauge("machine_cpu_others_ratio", "share of all processors used by other programs")
        self._available = make.gauge("machine_available_bytes", "memory that programs could still have")
        self._whole = make.gauge("machine_memory_bytes", "memory of the machine or of our control group")
        self._free = make.gauge("state_free_bytes", "room on the disk of the state folder")
        self._limit = make.gauge("memory_limit_bytes", "what the daemon's own memory is held against")
        for unmeasured in (self._busy, self._others, self._available, self._whole, self._free, self._limit):
            unmeasured.set(math.nan)  # nought would be a lie
        self._gpu_busy = make.gauge("gpu_busy_ratio", "how busy a graphics card is", "gpu")
        self._gpu_used = make.gauge("gpu_memory_used_bytes", "memory of a graphics card in use", "gpu")
        self._gpu_whole = make.gauge("gpu_memory_bytes", "memory of a graphics card", "gpu")
        self._pressure = make.gauge("pressure_level", "0 normal, 1 lower cadence, 2 smaller model, 3 engine")

    def use(self, use: MachineUse) -> None:
        """Set what the machine, each process tree and each graphics card use."""
        self._busy.set(use.cpu_percent / 100)
        self._others.set(use.others_percent / 100)
        self._available.set(use.available_bytes)
        self._whole.set(use.total_bytes)
        for name, tree in use.trees.items():
            self._resident.labels(name).set(tree.rss_bytes)
            self._count_cpu(name, tree.cpu_s)
            self._share.labels(name).set(tree.cpu_percent / 100)
        for index, gpu in enumerate(use.gpus or ()):
            self._gpu_busy.labels(str(index)).set(gpu.busy_percent / 100)
            self._gpu_used.labels(str(index)).set(gpu.used_bytes)
            self._gpu_whole.labels(str(index)).set(gpu.total_bytes)

    def pressure(self, level: int) -> None:
        """Set how far FourEyes steps back."""
        self._pressure.set(level)

    def state_free(self, free_bytes: float | None) -> None:
        """Set how much room the disk of the state folder has; None where that is not known."""
        self._free.set(math.nan if free_bytes is None else free_bytes)

    def memory_limit(self, limit_bytes: int) -> None:
        """Set what the daemon's own memory is held against."""
        self._limit.set(limit_bytes)

    def forget(self, process: str) -> None:
        """A process is ours no more: its counter stays, what it says of now goes."""
        self._cpu_s.pop(process, None)
        for gauge in (self._resident, self._share):
            gauge.remove(process)

    def _count_cpu(self, process: str, cpu_s: float) -> None:
        """What a process used since it was last looked at; another one under its name began at nothing."""
        before_s = self._cpu_s.get(process, 0.0)
        self._cpu_s[process] = cpu_s
        self._cpu.labels(process).inc(cpu_s - before_s if cpu_s >= before_s else cpu_s)
