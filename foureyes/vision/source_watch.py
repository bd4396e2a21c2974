"""The watch loop of one source: on each tick one frame, offered to every task; nothing here waits for a model."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from typing import Any

from foureyes.exceptions import PictureError, SourceError, SourceHungError
from foureyes.frames.camera import Camera
from foureyes.frames.clock import Clock
from foureyes.frames.frame import Frame
from foureyes.frames.source import EndOfSource
from foureyes.frames.stall import CameraState, Stall, stall
from foureyes.telemetry.log import event
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.report import Report, report_to_nobody
from foureyes.vision.change import Noise
from foureyes.vision.look import Look
from foureyes.vision.task_watch import TaskWatch


@dataclass(frozen=True)
class StallRules:
    """When a source counts as stalled: seconds without progress, and without any new bytes (None: never)."""

    stall_s: float
    frozen_after_s: float | None
    still_s: float = 5.0
    """How long a picture may stand that ought to move, by its own clock or by the state that it shows."""
    longest_look_s: float = 0.0
    """What one look may take by the source's own timeouts, all of them in a row."""


def _goes_on() -> None:
    """Where nobody ever pauses."""


class SourceWatch:
    """Owns one source: its clock, its camera and its tasks."""

    def __init__(
        self,
        source_id: str,
        camera: Camera,
        clock: Clock,
        tasks: Sequence[TaskWatch],
        *,
        noise: Noise,
        rules: StallRules,
        metrics: Metrics,
        on_frame: Callable[[Frame], None],
        report: Report = report_to_nobody,
        paused: Callable[[], str | None] = _goes_on,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.id = source_id
        self.tasks = tuple(tasks)
        self.noise = noise
        self.rules = rules
        self.done = False
        self._camera = camera
        self._clock = clock
        self._metrics = metrics
        self._on_frame = on_frame
        self._report = report
        self._paused = paused
        self._rests = False
        self._is_first = True
        self._now = now
        self._latest: Look | None = None
        self._error: str | None = None
        self._stalled: Stall | None = None
        self._ticked_mono_s = now()
        self._began_mono_s: float | None = None
        self._turned_mono_s: float | None = None
        self._loops: list[asyncio.Task[None]] = []
        self._readers: dict[TaskWatch, asyncio.Task[None]] = {}
        self._closed = asyncio.Event()
        self.fatal: SourceError | None = None
        """Why a file that was to be watched cannot be: it will not come by waiting."""

    @property
    def camera_state(self) -> CameraState:
        """How the camera stands now."""
        return self._camera.state

    @property
    def fps(self) -> float:
        """How many looks a second are wanted."""
        return 1 / self._clock.period_s

    @property
    def next_number(self) -> int:
        """The number of the next frame."""
        return self._camera.next_number

    @property
    def paused(self) -> str | None:
        """Why nobody looks, where that is wished: by whom and until when."""
        return self._paused() or ("it goes on at the next look" if self._rests else None)

    def stall(self) -> Stall | None:
        """Why no new picture comes, by the last progress; None while all is well, or nobody looks."""
        if self._began_mono_s is None or self.paused is not None:
            return None
        now_s, rules, state = self._now(), self.rules, self._camera.state
        state = replace(
            state,
            progress_mono_s=max(state.progress_mono_s, self._began_mono_s),
            changed_mono_s=max(state.changed_mono_s, self._began_mono_s),
        )
        found = stall(
            state,
            now_s,
            stall_s=max(rules.stall_s, 3 * self._clock.period_s),
            frozen_after_s=rules.frozen_after_s,
            loop_late=now_s - self._ticked_mono_s >= rules.stall_s,
        )
        return found or self._frozen(state.changed_mono_s, now_s)

    def _frozen(self, changed_mono_s: float, now_s: float) -> Stall | None:
        """A picture that stands although it ought to move; one that need not is quiet, not frozen."""
        what, within_s = self.camera_state.description, self.rules.still_s
        still_s, stood_mono_s = now_s - changed_mono_s, changed_mono_s + self._clock.period_s
        shown = (task.liveness.standing_clock(within_s) for task in self.tasks)
        if (time_shown := next((each for each in shown if each is not None), None)) is not None:
            return Stall("frozen", f"the clock that {what} shows stands at {time_shown}; does it hang?")
        if still_s >= within_s and any(task.liveness.says_moving(stood_mono_s) for task in self.tasks):
            return Stall("frozen", f"{what} says that it moves, and gives the same picture for {still_s:.0f} s")
        return None

    def stuck_s(self) -> float | None:
        """For how long the capture loop stands in one turn that ought to be over; None while it goes round.

        A turn ends with a frame or with an error that was handled: a source that is away keeps the loop going.
        """
        if self._turned_mono_s is None or self.done:
            return None
        rules, period_s = self.rules, self._clock.period_s
        turn_s = self._now() - self._turned_mono_s
        within_s = period_s + max(2 * period_s, rules.stall_s, rules.longest_look_s)
        return turn_s if turn_s > within_s else None

    async def run(self) -> None:
        """Watch until the source is done or the task is cancelled."""
        self._began_mono_s = self._ticked_mono_s = self._turned_mono_s = self._now()
        names = ", ".join(task.plan.task for task in self.tasks)
        what = f"{self.camera_state.description} at {self.fps:g} FPS: {names}"
        event("source.watching", f"watching {what}", source=self.id)
        try:
            async with asyncio.TaskGroup() as self._group:
                for task in self.tasks:
                    self._read_by(task)
                self._loops = [
                    self._group.create_task(self._watch_progress(), name=f"{self.id}/progress"),
                    self._group.create_task(self._capture(), name=f"{self.id}/capture"),
                ]
        finally:
            await self._camera.close()
            self._closed.set()

    def _read_by(self, task: TaskWatch) -> None:
        self._readers[task] = self._group.create_task(task.run(), name=f"{self.id}/{task.plan.task}")

    def retask(self, tasks: Sequence[TaskWatch]) -> None:
        """Have these tasks from now on, between two looks; those that were there already notice nothing.

        What a task that goes has not read yet is read by the one that takes its place. A source that has given its
        last picture is read to its end as it was.
        """
        if self.done:
            return
        before, self.tasks = self.tasks, tuple(tasks)
        unread = {task.plan.task: task.retire() for task in before if task not in tasks}
        for task in set(before) - set(tasks):
            self._readers.pop(task).cancel()
        for task in tasks:
            if task not in before:
                self._read_by(task)
                if (look := unread.get(task.plan.task)) is not None:
                    task.offer(look)

    @property
    def newest_look(self) -> Look | None:
        """The last frame that was captured, masks painted, with the one before it."""
        return self._latest

    def stop(self) -> None:
        """Give no picture and no reading from this moment on; `closed` tells when the source is let go of."""
        for running in (*self._loops, *self._readers.values()):
            running.cancel()

    async def closed(self) -> None:
        """Return when the camera has let go of the source."""
        await self._closed.wait()

    async def _capture(self) -> None:
        async for tick in self._clock.ticks():
            self._ticked_mono_s = self._now()
            if self._is_resting():
                self._turned_mono_s = self._ticked_mono_s
                continue
            self._metrics.tick(self.id, lateness_s=tick.lateness_s, missed=tick.missed)
            try:
                await self._look()
            except EndOfSource:
                break
            except (SourceError, PictureError) as error:
                self._failed(error)
                if self._camera.is_lost(error):
                    self.fatal = error
                    break
            except Exception as error:  # noqa: BLE001 - a fault of ours in one look must not end the watch
                self._metrics.dropped("source", "fault")
                event("source.fault", f"a look at '{self.id}' failed", level="error", error=error, source=self.id)
                self._report_fault(error)
            self._turned_mono_s = self._now()
        self.done = True
        event("source.ended", f"source '{self.id}' has given its last picture", source=self.id)
        for task in self.tasks:
            task.finish()

    def _is_resting(self) -> bool:
        """Whether the looking is paused; each change of that is noted here."""
        why = self._paused()
        if why is not None and not self._rests:
            self._rest(why)
        elif why is None and self._rests:
            self._go_on()
        return self._rests

    def _rest(self, why: str) -> None:
        self._rests, self._stalled = True, None
        self._metrics.source_up(self.id, up=False)
        for task in self.tasks:
            task.is_frozen = False
        event("source.paused", f"source '{self.id}' is {why}", source=self.id)

    def _go_on(self) -> None:
        """What was seen before the pause tells nothing of how the source stands or moves now."""
        self._rests, self._is_first = False, True
        self._began_mono_s = self._now()
        event("source.resumed", f"source '{self.id}' is looked at again", source=self.id)

    async def _look(self) -> None:
        with self._metrics.step("grab"):
            frame = await self._camera.look()
        if self._paused() is not None:  # while it was taken
            self._metrics.dropped("source", "paused")
            return
        self._metrics.frame(self.id)
        self._recovered()
        previous = self._latest.frame if self._latest and not self._is_first else None
        self._is_first = False
        if previous is not None:
            await self._learn_noise(frame, previous)
        self._latest = Look(frame, previous)
        self._on_frame(frame)
        for task in self.tasks:
            task.offer(self._latest)

    async def _learn_noise(self, frame: Frame, previous: Frame) -> None:
        if frame.picture is previous.picture:
            self.noise.observe_equal()
        else:
            with self._metrics.step("noise"):
                await asyncio.to_thread(self._observe, frame, previous)

    def _observe(self, frame: Frame, previous: Frame) -> None:
        self.noise.observe(frame.picture.pixels, previous.picture.pixels)

    async def _watch_progress(self) -> None:
        """Name a stall once when it begins and once when it ends, even while a grab hangs."""
        while not self.done:
            await asyncio.sleep(self._clock.period_s)
            if self.paused is None:
                self._note(self.stall())

    def _note(self, found: Stall | None) -> None:
        before, self._stalled = self._stalled, found
        self._metrics.source_up(self.id, up=found is None)
        is_frozen = found is not None and found.cause == "frozen"
        for task in self.tasks:
            task.is_frozen = is_frozen  # it is still looked at, so that we see when it goes on
            if found is not None and not is_frozen:
                task.blind(self._latest)
        if found is not None and before is None:
            event("source.stalled", f"source '{self.id}' stalls: {found.text}", level="error", source=self.id)
            if self._error is None:  # else it is known why
                self._report_fault(SourceHungError(f"source '{self.id}' stalls: {found.text}"), cause=found.cause)
        elif found is None and before is not None:
            event("source.moving", f"source '{self.id}' gives pictures again", source=self.id)

    def _failed(self, error: SourceError | PictureError) -> None:
        """Say an error once, and again only when it becomes another one."""
        self._metrics.dropped("source", getattr(error, "cause", "unreadable"))
        if self._error != str(error):
            self._error = str(error)
            self._report_fault(error)
            event("source.failing", str(error), level="error", source=self.id)

    def _report_fault(self, error: Exception, **context: Any) -> None:
        self._report(error, f"source:{self.id}", source=self.id, kind=self._camera.state.kind, **context)

    def _recovered(self) -> None:
        if self._error is not None:
            self._error = None
            event("source.recovered", f"source '{self.id}' gives pictures again", source=self.id)
