"""What the page shows beside the present: the ways of the last frames, small histories, the log, faults."""

from __future__ import annotations

import asyncio
from collections.abc import Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import Any

from foureyes.daemon.composition import Composition
from foureyes.daemon.fault_shelf import FaultShelf
from foureyes.daemon.frame_ways import FrameWays
from foureyes.daemon.source_list import SourceList
from foureyes.daemon.steps import StepHistory
from foureyes.errors.fault import FaultEvent
from foureyes.errors.pictures import PictureStore
from foureyes.frames.frame import Frame
from foureyes.outputs.live import LiveEvents
from foureyes.telemetry.log import also_told
from foureyes.telemetry.log_ring import LogRing
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.traces import Traces
from foureyes.web.reads import Reads


class Shown:
    """Owns the bounded memories; what other threads say is told as live events from the event loop."""

    def __init__(self, live: LiveEvents, traces: Traces) -> None:
        self.history = StepHistory()
        self.traces = traces
        self._log = LogRing(self._line)
        self._live = live
        self._loop: asyncio.AbstractEventLoop | None = None

    @contextmanager
    def running(self) -> Iterator[None]:
        """Take the log's lines while inside."""
        self._loop = asyncio.get_running_loop()
        with also_told(self._log.write):
            yield

    def reads(self, composition: Composition, metrics: Metrics, state_dir: Path, pictures: PictureStore) -> Reads:
        """Where the page's routes find all of it."""
        return Reads(
            pictures=composition,
            sources=SourceList(composition, metrics),
            history=self.history,
            frames=FrameWays(self.traces),
            faults=FaultShelf(state_dir, pictures),
            log=self._log,
        )

    def frame(self, frame: Frame) -> None:
        """A frame was captured."""
        self.traces.begin(frame.id, frame.source, frame.captured_at, frame.captured_mono_s)

    def fault(self, fault: FaultEvent) -> None:
        """A fault event is on disk. Called from the thread that writes them."""
        self._soon("fault", {"group": fault.fingerprint, "type": fault.type, "component": fault.component})

    def _line(self, line: Mapping[str, Any]) -> None:
        if self._live.wanted("log"):
            self._soon("log", line)

    def _soon(self, kind: str, data: Mapping[str, Any]) -> None:
        with suppress(RuntimeError):  # the loop has ended
            if self._loop is not None:
                self._loop.call_soon_threadsafe(self._live.publish, kind, data)
