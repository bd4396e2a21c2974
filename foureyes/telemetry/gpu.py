"""What graphics cards are doing, by NVML where it answers (the optional extra `gpu`)."""

from __future__ import annotations

import importlib
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class GpuUse:
    """One card: its name, how busy it is, and its memory."""

    name: str
    busy_percent: float
    used_bytes: int
    total_bytes: int


class Gpus:
    """The cards of this machine. A library or driver that is not there is asked for once."""

    def __init__(self) -> None:
        self._nvml = _started()

    def uses(self) -> tuple[GpuUse, ...] | None:
        """Each card's use now; None where no card can be asked."""
        if self._nvml is None:
            return None
        try:
            return tuple(_use(self._nvml, index) for index in range(self._nvml.nvmlDeviceGetCount()))
        except self._nvml.NVMLError:  # a driver that was unloaded or updated meanwhile
            return None


def _started() -> Any:
    try:
        nvml = importlib.import_module("pynvml")
    except ModuleNotFoundError:
        return None
    try:
        nvml.nvmlInit()
    except nvml.NVMLError:
        return None
    return nvml


def _use(nvml: Any, index: int) -> GpuUse:
    card = nvml.nvmlDeviceGetHandleByIndex(index)
    memory = nvml.nvmlDeviceGetMemoryInfo(card)
    busy_percent = float(nvml.nvmlDeviceGetUtilizationRates(card).gpu)
    return GpuUse(nvml.nvmlDeviceGetName(card), busy_percent, memory.used, memory.total)
