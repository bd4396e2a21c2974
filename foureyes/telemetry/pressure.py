"""Pressure: when the machine runs short, how far to step back, and when to come back. Pure: samples in, level out.

Memory is short below `available_mb` until 1.4 times as much is available. Processors are short when the machine is
busier than `cpu_percent` AND others use at least a quarter of it: our own inference may use all that is left, and
stepping back because of it would be for ever. Each figure is smoothed over half of `dwell_s`, and two steps lie at
least `dwell_s` apart, so that neither a peak nor a model that is being loaded moves the level to and fro.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable
from dataclasses import dataclass, replace
from enum import IntEnum

from foureyes.config.settings import Resources

_LEAVE_MEMORY = 1.4
_OTHERS_PERCENT, _LEAVE_OTHERS_PERCENT = 25.0, 15.0
_LEAVE_CPU_PERCENT = 10.0
"""So far below `cpu_percent` the processors are free again."""


class Level(IntEnum):
    """How far FourEyes steps back; each level does what those before it do, too."""

    NORMAL = 0
    LOWER_CADENCE = 1
    SMALLER_MODEL = 2
    ENGINE = 3


@dataclass(frozen=True)
class Sample:
    """What pressure is judged by."""

    available_mb: float
    cpu_percent: float
    others_percent: float

    def towards(self, newer: Sample, weight: float) -> Sample:
        """This sample moved towards a newer one."""
        return Sample(
            self.available_mb + weight * (newer.available_mb - self.available_mb),
            self.cpu_percent + weight * (newer.cpu_percent - self.cpu_percent),
            self.others_percent + weight * (newer.others_percent - self.others_percent),
        )


class Pressure:
    """The level of one machine, step by step."""

    def __init__(self, settings: Resources, now: Callable[[], float] = time.monotonic) -> None:
        self.level = Level.NORMAL
        self._settings = settings
        self._now = now
        self._smooth: Sample | None = None
        self._seen_mono_s = 0.0
        self._stepped_mono_s = -math.inf
        self._well_mono_s = -math.inf
        self._memory_short = False
        self._processors_short = False

    @property
    def reason(self) -> str | None:
        """What is short, in words; None where nothing is."""
        short = [*self._memory_words(), *self._processor_words()]
        return " and ".join(short) or None

    def observe(self, sample: Sample, *, return_needs_mb: float = 0.0) -> Level:
        """Take in a sample; the level from now on.

        `return_needs_mb` is what going back one level would load: without room for it all would only begin again.
        """
        self._smooth = self._smoothed(sample)
        self._judge(self._smooth, return_needs_mb)
        self._step()
        return self.level

    def _smoothed(self, sample: Sample) -> Sample:
        now_s = self._now()
        passed_s, self._seen_mono_s = now_s - self._seen_mono_s, now_s
        if self._smooth is None:
            return replace(sample, cpu_percent=0.0, others_percent=0.0)  # every start keeps the processors busy
        return self._smooth.towards(sample, 1 - math.exp(-passed_s / (self._settings.dwell_s / 2)))

    def _judge(self, smooth: Sample, return_needs_mb: float) -> None:
        """Enter and leave each shortage at thresholds of its own."""
        settings = self._settings
        least_mb, free_mb = float(settings.available_mb), smooth.available_mb
        cpu, others = settings.cpu_percent, _OTHERS_PERCENT
        if self._memory_short:
            least_mb, free_mb = least_mb * _LEAVE_MEMORY, free_mb - return_needs_mb
        if self._processors_short:
            cpu, others = cpu - _LEAVE_CPU_PERCENT, _LEAVE_OTHERS_PERCENT
        was_short = self._memory_short or self._processors_short
        self._memory_short = free_mb < least_mb
        self._processors_short = smooth.cpu_percent > cpu and smooth.others_percent >= others
        if was_short and not (self._memory_short or self._processors_short):
            self._well_mono_s = self._now()

    def _step(self) -> None:
        """One step at most; down only when the machine has been well for as long as a step takes, too."""
        short, now_s = self._memory_short or self._processors_short, self._now()
        since_s = self._stepped_mono_s if short else max(self._stepped_mono_s, self._well_mono_s)
        level = min(Level.ENGINE, self.level + 1) if short else max(Level.NORMAL, self.level - 1)
        if level != self.level and now_s - since_s >= self._settings.dwell_s:
            self.level, self._stepped_mono_s = Level(level), now_s

    def _memory_words(self) -> list[str]:
        if not self._memory_short or self._smooth is None:
            return []
        return [f"{self._smooth.available_mb:.0f} MB of memory are available"]

    def _processor_words(self) -> list[str]:
        if not self._processors_short or self._smooth is None:
            return []
        cpu, others = self._smooth.cpu_percent, self._smooth.others_percent
        return [f"the processors are {cpu:.0f} % busy, {others:.0f} % with other programs"]
