"""What counts as progress of a capture loop: a turn that ends, however slow its clock and its source may be."""

from __future__ import annotations

import asyncio
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from parts.drawing import RED, plain
from parts.hand_clock import HandClock
from parts.notify_socket import NotifySocket
from parts.program import wait_until

from foureyes.config.settings import ImagesSource as ImagesSettings
from foureyes.frames.camera import Camera
from foureyes.frames.clock import Clock
from foureyes.frames.sources.images import ImagesSource
from foureyes.picture import encode_png
from foureyes.service.notify import Notifier
from foureyes.service.watchdog import Watchdog
from foureyes.telemetry.metrics import Metrics
from foureyes.vision.change import Noise
from foureyes.vision.source_watch import SourceWatch, StallRules


class Blocked:
    """The watch of a folder whose one picture is a pipe, and the clock that it goes by."""

    def __init__(self, folder: Path, fps: float, rules: StallRules) -> None:
        self.clock, self.pipe = HandClock(), folder / "1.png"
        os.mkfifo(self.pipe)
        self.camera = Camera(ImagesSource(ImagesSettings(kind="images", path=folder)), "main", now=self.clock)
        self.watch = SourceWatch(
            "main",
            self.camera,
            Clock(fps, now=self.clock, sleep=self.clock.sleep),
            [],
            noise=Noise(),
            rules=rules,
            metrics=Metrics(),
            on_frame=lambda _frame: None,
            now=self.clock,
        )

    @contextlib.asynccontextmanager
    async def looking(self) -> AsyncIterator[asyncio.Task[None]]:
        """Run the watch, inside its first look."""
        task = asyncio.create_task(self.watch.run(), name="watch")
        await asyncio.to_thread(wait_until, self._asked, 10, "the look")
        try:
            yield task
        finally:
            await asyncio.to_thread(self.answer)
            task.cancel()
            await asyncio.wait({task})

    def _asked(self) -> bool:
        return self.camera.state.grabbing_since_mono_s is not None

    def answer(self) -> None:
        """Let the look return, where one still waits."""
        with contextlib.suppress(OSError):
            pipe = os.open(self.pipe, os.O_WRONLY | os.O_NONBLOCK)
            os.write(pipe, encode_png(plain(RED)))
            os.close(pipe)


@pytest.mark.parametrize(
    ("fps", "rules", "within_s"),
    [
        (0.1, StallRules(10, None), 30),
        (3.0, StallRules(10, None), 10),
        (3.0, StallRules(1, None, longest_look_s=540), 540),
    ],
    ids=["three periods of a slow clock", "the stall of a quick one", "what its own timeouts may take"],
)
async def test_a_turn_may_take_what_its_source_may_take(
    tmp_path: Path, fps: float, rules: StallRules, within_s: float
) -> None:
    """A loop is stuck only when one turn lasts longer than its clock, the stall and its own timeouts explain."""
    blocked = Blocked(tmp_path, fps, rules)
    assert blocked.watch.stuck_s() is None, "it has not begun"
    async with blocked.looking():
        blocked.clock.move(within_s - 0.5)
        assert blocked.watch.stuck_s() is None
        blocked.clock.move(1)
        assert blocked.watch.stuck_s() == pytest.approx(within_s + 0.5)


async def test_a_source_that_has_ended_is_not_stuck(tmp_path: Path) -> None:
    """Behind its last picture a source makes no more turns, and is missed by nobody."""
    blocked = Blocked(tmp_path, 3.0, StallRules(1, None))
    async with blocked.looking() as task:
        await asyncio.to_thread(blocked.answer)
        await asyncio.to_thread(wait_until, lambda: blocked.watch.done, 60, "the end of the folder")
        blocked.clock.move(1000)
        assert blocked.watch.stuck_s() is None
        await asyncio.wait({task}, timeout=10)


async def test_one_stuck_source_among_others_ends_the_feeding(tmp_path: Path) -> None:
    """Two sources, one of them stuck: the watchdog is not fed, and the status names that one."""
    (tmp_path / "a").mkdir()
    (tmp_path / "b").mkdir()
    blocked = Blocked(tmp_path / "a", 3.0, StallRules(1, None))
    patient = Blocked(tmp_path / "b", 3.0, StallRules(100, None))
    patient.watch.id = "patient"
    with NotifySocket(tmp_path) as manager:
        watchdog = Watchdog(Notifier(manager.address), 30, lambda: [patient.watch, blocked.watch])
        async with blocked.looking(), patient.looking():
            watchdog.beat()
            manager.wait("WATCHDOG")
            blocked.clock.move(20)
            patient.clock.move(20)
            watchdog.beat()
            watchdog.beat()
            manager.wait("STATUS")
            assert manager.count("WATCHDOG") == 1
            assert [status for status in manager.values("STATUS") if "'main'" in status] == manager.values(
                "STATUS"
            )
