"""The watch over one running server: its exit is seen at once, a hang within its budget, silence by misses."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Callable, Mapping

from foureyes.config.settings import ServerSettings
from foureyes.exceptions import (
    FourEyesError,
    ModelCrashedError,
    ModelMissingError,
    ServerError,
    ServerTimeoutError,
    UnauthorisedError,
    WrongModelError,
)
from foureyes.servers.instance import Flight, Instance
from foureyes.servers.trouble import Ailment, Trouble
from foureyes.telemetry.log import event
from foureyes.telemetry.resources import process_use

_MISSES_BEFORE_ACTING = 2
_HURRY_S = 1.0
_SLICE_S = 0.25
_WORKING_SHARE = 0.02
"""A server that uses less than this much of one processor while somebody waits works on nothing,"""
_IDLE_S = 10.0
"""if it does so for this long: one that waits for its graphics card may look idle for a moment."""


class Vigil:
    """Looks after one instance. `trouble` is its only task; requests that fail tell it by `doubt`."""

    def __init__(
        self, instance: Instance, settings: ServerSettings, pid: Callable[[], int | None], now: Callable[[], float]
    ) -> None:
        self._instance = instance
        self._settings = settings
        self._pid = pid
        self._now = now
        self._woken = asyncio.Event()
        self._found: Trouble | None = None
        self._misses = 0
        self._idle_s = 0.0
        self._listed_mono_s = now()
        self._look_at_listing = False
        self._work: tuple[float, float] | None = None
        self._slow: Flight | None = None

    def doubt(self, error: ServerError, model_id: str) -> None:
        """A live request failed: what it says is believed or looked into at once."""
        self._found = self._found or _told(error, model_id)
        self._look_at_listing = self._look_at_listing or isinstance(error, WrongModelError)
        if error.retryable or self._found is not None:
            self._woken.set()

    def wake(self) -> None:
        """Look now: something is to be done."""
        self._woken.set()

    async def trouble(self) -> Trouble | None:
        """Wait until the next check is due, and return what is wrong; None where nothing is."""
        exited = asyncio.create_task(self._exit(), name=f"exit of {self._settings.id}")
        try:
            await self._wait(exited)
            return await self._checked(exited)
        finally:
            exited.cancel()

    async def _checked(self, exited: asyncio.Task[None]) -> Trouble | None:
        """One check, cut short where the server ends meanwhile."""
        checking = asyncio.create_task(self._check(), name=f"check of {self._settings.id}")
        try:
            await asyncio.wait({checking, exited}, return_when=asyncio.FIRST_COMPLETED)
        finally:
            checking.cancel()
        if exited.done():
            return Trouble(Ailment.GONE, f"it ended ({self._instance.exit_text()})")
        return checking.result()

    async def _exit(self) -> None:
        if self._instance.process is None:
            await asyncio.Event().wait()  # attached: there is no exit of ours to see
        else:
            await self._instance.process.wait()

    async def _wait(self, exited: asyncio.Task[None]) -> None:
        """Until the next check is due, the server ends, somebody doubts it, or a request is over its budget."""
        woken = asyncio.create_task(self._woken.wait(), name=f"doubt about {self._settings.id}")
        hurry = self._misses > 0 or self._work is not None
        left_s = min(_HURRY_S, self._settings.check_s) if hurry else self._settings.check_s
        try:
            while left_s > 0 and not (exited.done() or woken.done()) and (hurry or not self._instance.overdue()):
                # a request that begins meanwhile has a budget too; the end of one is met to the moment
                slice_s = min(_SLICE_S, left_s, math.inf if hurry else self._instance.until_overdue_s())
                await asyncio.wait({exited, woken}, timeout=slice_s, return_when=asyncio.FIRST_COMPLETED)
                left_s -= slice_s
        finally:
            woken.cancel()
        self._woken.clear()  # here, not before: what fails during a check is a reason for the next one

    async def _check(self) -> Trouble | None:
        found, self._found = self._found, None
        if found is not None:
            return found
        try:
            await self._instance.server.check_live()
            if (ill := await self._unloaded() or await self._probe_silent()) is not None:
                return ill
        except ServerError as error:
            return self._missed(error)
        return await self._hang()

    async def _unloaded(self) -> Trouble | None:
        """A model that the server itself lists as not loaded any more; asked as seldom as a probe is due."""
        if not self._look_at_listing and self._now() - self._listed_mono_s < self._settings.probe_s:
            return None
        self._look_at_listing, self._listed_mono_s = False, self._now()
        for model_id in list(self._instance.answered):
            entry = await self._instance.server.entry(model_id)
            if entry is not None and entry.loaded is False:
                return Trouble(Ailment.MODEL, f"model {model_id} was unloaded behind our back", model_id)
        return None

    async def _probe_silent(self) -> Trouble | None:
        """No real answer for a while is a reason to probe, never while the server works for somebody."""
        for model_id in self._instance.silent(self._settings.probe_s):
            if self._instance.in_flight == 0:
                try:
                    await self._instance.probe(model_id)
                except (ModelCrashedError, ModelMissingError) as error:
                    return _told(error, model_id)
        return None

    def _missed(self, error: ServerError) -> Trouble | None:
        """One miss is none, unless a request is over its budget too; what is certain needs no second one."""
        if (told := _told(error, None)) is not None and told.ailment is Ailment.UNAUTHORISED:
            return told
        flight = self._instance.overdue()
        self._misses += 1 if flight is None else _MISSES_BEFORE_ACTING
        if self._misses < _MISSES_BEFORE_ACTING:
            return None
        reason = str(error) if flight is None else f"{error}; {self._waits(flight)}"
        hung = isinstance(error, ServerTimeoutError)
        return Trouble(Ailment.HUNG if hung else Ailment.GONE, reason)

    async def _hang(self) -> Trouble | None:
        """It answers; whether it works is judged by its processor time while a request is over its budget."""
        flight, before = self._instance.overdue(), self._work
        if flight is None:
            self._misses, self._idle_s, self._work, self._slow = 0, 0.0, None, None
            return None
        self._work = await asyncio.to_thread(self._worked)
        if before is None or self._work is None or _works(before, self._work):
            self._misses, self._idle_s = 0, 0.0
            self._say_slow(flight)
            return None
        self._idle_s += self._work[0] - before[0]
        if self._idle_s < _IDLE_S:
            return None
        return Trouble(Ailment.HUNG, f"it lives and does not work: {self._waits(flight)}", flight.model_id)

    def _waits(self, flight: Flight) -> str:
        waited_s = self._now() - flight.began_mono_s
        return f"a request to {flight.model_id} waits for {waited_s:.1f} s (budget {flight.budget_s:.1f} s)"

    def _worked(self) -> tuple[float, float] | None:
        """Now, and the processor time of the whole process tree; None where it cannot be seen."""
        pid = self._pid()
        return None if pid is None else (self._now(), process_use(pid).cpu_s)

    def _say_slow(self, flight: Flight) -> None:
        if self._slow is not flight:
            self._slow = flight
            event(
                "server.slow",
                f"server '{self._settings.id}' works on {flight.model_id} for longer than {flight.budget_s:.1f} s",
                server=self._settings.id,
                model=flight.model_id,
            )


_MODEL_ERRORS: Mapping[type[FourEyesError], Ailment] = {
    ModelCrashedError: Ailment.MODEL,
    ModelMissingError: Ailment.MODEL,  # it answered its probe: somebody has taken it away since
    UnauthorisedError: Ailment.UNAUTHORISED,
}


def _works(before: tuple[float, float], after: tuple[float, float]) -> bool:
    return after[1] - before[1] >= _WORKING_SHARE * (after[0] - before[0])


def _told(error: ServerError, model_id: str | None) -> Trouble | None:
    """What an error says for certain; None where it only makes one wonder."""
    ailment = _MODEL_ERRORS.get(type(error))
    return None if ailment is None else Trouble(ailment, str(error), model_id)
