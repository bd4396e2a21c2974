"""The supervisor: the one writer of a server's state; it starts, proves by inference, watches and heals it."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Coroutine, Iterable, Sequence
from dataclasses import replace
from typing import Any, Protocol

from foureyes.config.settings import ServerSettings
from foureyes.exceptions import FourEyesError, ServerError, ServerStartError, UnauthorisedError
from foureyes.servers.breaker import BreakerState, CircuitBreaker
from foureyes.servers.cerberus import Cerberus, Rung
from foureyes.servers.gate import Gate
from foureyes.servers.instance import Instance, OwnedProcess
from foureyes.servers.process.listener import listener_pid
from foureyes.servers.recycling import Recycler
from foureyes.servers.roster import Roster
from foureyes.servers.server import ChatReply, ChatRequest, ModelServer
from foureyes.servers.state import ALLOWED, ServerSnapshot, ServerState
from foureyes.servers.trouble import Ailment, Trouble
from foureyes.servers.vigil import Vigil
from foureyes.telemetry.log import event
from foureyes.telemetry.report import Report, report_to_nobody

_DRAIN_S = 30.0


class Launch(Protocol):
    """How a server is brought up: start it (or find it) and connect to it."""

    can_overlap: bool
    """Whether a second one can be started beside the first, to take over from it."""
    owns_process: bool
    """Whether a restart is a matter of our own process: quicker and surer than to ask for a reload."""
    only_asks: bool
    """Whether a start starts nothing, and asks whether somebody else's server is there: that costs nothing."""

    async def start(self, failures: int) -> tuple[ModelServer, OwnedProcess | None]:
        """A server that answers, and its process where it is ours.

        `failures` in the window lie behind us: be more thorough each time.
        Raises a ServerError leaf; what was half-started has been stopped again.
        """
        ...


class Supervisor:
    """Keeps one server alive. `run` is its only task; others read `snapshot`, call `chat` or say their wants."""

    def __init__(
        self,
        settings: ServerSettings,
        launch: Launch,
        models: Sequence[str],
        *,
        gate: Gate,
        on_change: Callable[[ServerSnapshot, ServerSnapshot], None],
        report: Report = report_to_nobody,
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.snapshot = ServerSnapshot(
            settings.id, ServerState.STOPPED, now(), "not started yet", probe_s=settings.probe_s
        )
        self._settings = settings
        self._launch = launch
        self._roster = Roster(settings, models, self._show, now)
        self._on_change = on_change
        self._report = report
        self._now = now
        self._gate = gate
        self._breaker = CircuitBreaker(settings.id, settings.breaker, now)
        self._cerberus = Cerberus(settings.restarts, now)
        self._instance: Instance | None = None
        self._pid: int | None = None
        self._vigil: Vigil | None = None
        self._recycler = Recycler(settings, self._roster, self._started, now)
        self._settled = asyncio.Event()
        self._changed = asyncio.Event()

    async def run(self) -> None:
        """Keep the server up until cancelled; then stop it."""
        try:
            while True:
                await self._round()
        finally:
            self._move(ServerState.STOPPING, "FourEyes needs it no more")
            await self._put_down()
            self._move(ServerState.STOPPED, "FourEyes needs it no more")

    async def _round(self) -> None:
        """One life of the server, from its start to what is done about its end."""
        try:
            trouble = None if self.snapshot.ready else await self._up()
            self._settled.set()
            await self._heal(trouble or await self._watched())
        except Exception as error:  # noqa: BLE001 - a fault of ours must not leave a server without its keeper
            event("server.fault", f"the keeper of '{self.snapshot.id}' failed", level="error", error=error)
            self._report(error, f"server:{self.snapshot.id}", server=self.snapshot.id)
            self._settled.set()
            await self._restart(Trouble(Ailment.GONE, f"a fault of FourEyes itself: {error}"))

    async def settled(self) -> None:
        """Return once the first start has succeeded or failed."""
        await self._settled.wait()

    @property
    def is_settled(self) -> bool:
        """Whether the first start has succeeded or failed."""
        return self._settled.is_set()

    def change(self) -> Coroutine[Any, Any, bool]:
        """Return when the server next changes its state or its models, counted from this call on."""
        return self._changed.wait()

    async def drained(self) -> None:
        """Return when the requests that are under way have ended, or take too long."""
        if self._instance is not None:
            await self._instance.drained(_DRAIN_S)

    @property
    def is_resting(self) -> bool:
        """Whether it failed so often in a row that it is not asked for a while."""
        return self._breaker.state is not BreakerState.CLOSED

    def offers(self, model_id: str) -> bool:
        """Whether a model may be asked now."""
        return self.refusal(model_id) is None

    def refusal(self, model_id: str) -> str | None:
        """Why a model cannot be asked now, in a sentence; None where it can."""
        name, snapshot = self.snapshot.id, self.snapshot
        if not snapshot.ready:
            doing = f"being healed ({snapshot.healing})" if snapshot.healing else snapshot.state
            return f"server '{name}' is {doing}: {snapshot.reason}"
        if model_id not in snapshot.models:
            return snapshot.missing.get(model_id, f"server '{name}' has not loaded '{model_id}'")
        return None if self._breaker.admits() else f"server '{name}' failed too often in a row, and rests"

    def want(self, models: Sequence[str]) -> None:
        """These models are wanted from now on."""
        self._roster.want(models)
        self._wake()

    def park(self, models: Iterable[str]) -> None:
        """Do without these models for now: they are unloaded where the server can, and not asked either way."""
        self._roster.park(models)
        self._wake()

    def _wake(self) -> None:
        if self._vigil is not None:
            self._vigil.wake()

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Ask the server; a failure that smells of its death wakes the supervisor at once."""
        self._ready_instance()  # who asks a server that is down need not queue for it
        async with self._gate.enter(request.priority, request.client):
            with self._breaker.call():
                return await self._asked(self._ready_instance(), request)

    def _ready_instance(self) -> Instance:
        if self._instance is None or not self.snapshot.ready:
            raise ServerStartError(f"server '{self.snapshot.id}' is {self.snapshot.state}: {self.snapshot.reason}")
        return self._instance

    async def _asked(self, instance: Instance, request: ChatRequest) -> ChatReply:
        try:
            reply = await instance.chat(request)
        except ServerError as error:
            # what is said of a model that was taken away while it was asked is no news
            if self._vigil is not None and instance is self._instance and request.model_id in self._roster.loaded:
                self._vigil.doubt(error, request.model_id)
            raise
        self._note_answer(instance)
        return reply

    def _note_answer(self, instance: Instance) -> None:
        """A real answer is a probe of its model; the server is as fresh as the model that is silent longest."""
        if instance is self._instance and instance.answered:
            self.snapshot = replace(self.snapshot, probed_mono_s=min(instance.answered.values()))

    async def _up(self) -> Trouble | None:
        """Start where nothing runs, load, probe; what was in the way."""
        began_s = self._now()
        try:
            if self._instance is None:
                self._move(ServerState.STARTING, "restarting" if self.snapshot.restarts else "starting")
                self._instance = await self._started(self._cerberus.budget.recent)
                self._pid = await _pid(self._instance)
            self._move(ServerState.LOADING, f"loading {', '.join(self._roster.wanted) or 'no model'}")
            await self._roster.settle(self._instance)
        except FourEyesError as error:
            return _trouble(error, f" (after {self._now() - began_s:.0f} s)")
        self._breaker.reset()
        self._move(ServerState.READY, f"ready in {self._now() - began_s:.1f} s")
        self._say_healed()
        return None

    async def _started(self, failures: int) -> Instance:
        return Instance(*await self._launch.start(failures), self._now)

    async def _watched(self) -> Trouble:
        """Watch a server that is ready, and return what went wrong."""
        while True:
            assert self._instance is not None
            instance = self._instance
            self._vigil = Vigil(instance, self._settings, lambda: self.snapshot.pid, self._now)
            if self._roster.due:  # wanted only while the others were being loaded
                self._vigil.wake()
            try:
                while instance is self._instance:  # a recycled one needs a watch of its own
                    if (trouble := await self._vigil.trouble() or await self._tended(instance)) is not None:
                        return trouble
            finally:
                self._vigil = None

    async def _tended(self, instance: Instance) -> Trouble | None:
        """What is done between two checks, while all is well."""
        self._note_answer(instance)
        self._cerberus.stable(self._now() - self.snapshot.since_mono_s)
        try:
            await self._roster.settle(instance)
            self._say_healed()  # one that could not be loaded at first may answer by now
            return await self._recycle(instance)
        except FourEyesError as error:
            return _trouble(error)

    async def _heal(self, trouble: Trouble) -> None:
        """Climb one rung of the ladder; nothing counts as healed before a probe was answered."""
        assert self._instance is not None or not self.snapshot.ready
        rung = self._cerberus.rung(trouble, can_reload=self._can_reload(trouble))
        self.snapshot = replace(self.snapshot, healing=str(rung), cause=self.snapshot.cause or trouble.reason)
        event(
            "server.healing",
            f"server '{self.snapshot.id}': {trouble.reason}; {rung}",
            level="warning" if rung is Rung.RELOAD else "debug",  # of the others the change of state tells
            server=self.snapshot.id,
            ailment=trouble.ailment,
            rung=rung,
        )
        if rung is Rung.RELOAD and self._instance is not None and trouble.model_id is not None:
            if (worse := await self._reload(self._instance, trouble.model_id, trouble.reason)) is not None:
                await self._heal(worse)
        elif rung is Rung.ASK_AGAIN:
            self._move(ServerState.FAILED, trouble.reason)
            await self._authorised()
        else:
            await self._restart(trouble)

    def _can_reload(self, trouble: Trouble) -> bool:
        if self._instance is None or not self.snapshot.ready or trouble.model_id is None:
            return False
        hangs_in_ours = trouble.ailment is Ailment.HUNG and self._launch.owns_process
        return self._instance.server.can_unload and not hangs_in_ours

    async def _reload(self, instance: Instance, model_id: str, reason: str) -> Trouble | None:
        """Load a model anew; what was in the way."""
        try:
            await self._roster.reload(instance, model_id, reason)
        except FourEyesError as error:
            return Trouble(Ailment.MODEL, f"{model_id} could not be loaded again: {error}", model_id)
        self._say_healed()
        return None

    async def _authorised(self) -> None:
        """Ask now and then whether the server takes our token by now; nothing that we could restart would help."""
        while True:
            await asyncio.sleep(self._settings.check_s)
            if self._instance is None:  # refused before it was known what it is: the next start asks
                return
            try:
                await self._instance.server.listed()
            except UnauthorisedError:
                continue
            except ServerError as error:
                event("server.lost", str(error), level="debug", server=self.snapshot.id)
            return

    async def _restart(self, trouble: Trouble) -> None:
        """Put down what is left, wait as long as the budget says; the next start follows."""
        self._cerberus.budget.fail()
        if self.snapshot.state not in {ServerState.FAILED, ServerState.DEGRADED}:
            self._move(ServerState.FAILED, trouble.reason)
        await self._put_down()
        self.snapshot = replace(self.snapshot, restarts=self.snapshot.restarts + 1)
        budget = self._cerberus.budget
        if budget.is_degraded and self.snapshot.state is ServerState.FAILED:
            minutes = self._settings.restarts.window_s / 60
            self._move(ServerState.DEGRADED, f"{budget.recent} failures in {minutes:g} min; {trouble.reason}")
        await asyncio.sleep(budget.pause_s(cap_s=self._settings.check_s if self._launch.only_asks else None))
        budget.restart()

    async def _put_down(self) -> None:
        """Let go of the instance; cancelled half-way, the next call goes on: no child is forgotten."""
        if self._instance is not None:
            await self._instance.put_down()
            self._instance = None

    def _say_healed(self) -> None:
        if not self._roster.is_well:
            return
        self.snapshot = replace(self.snapshot, healing=None, cause=None)
        if (ill_s := self._cerberus.healed()) is not None:
            event(
                "server.healed",
                f"server '{self.snapshot.id}' is healed: its models answered their probes, after {ill_s:.1f} s",
                server=self.snapshot.id,
                duration_ms=round(ill_s * 1000),
                outcome="ok",
            )

    async def _recycle(self, instance: Instance) -> Trouble | None:
        """Load the models anew before their engine has leaked too much: beside the old ones where that can be."""
        why = self._recycler.due(instance, self.snapshot.pid)
        can_reload = instance.server.can_unload and instance.in_flight == 0  # between frames
        if why is None or not (self._launch.can_overlap or can_reload):
            return None
        self._recycler.begin()
        if not self._launch.can_overlap:
            for model_id in self._roster.loaded:
                if (trouble := await self._reload(instance, model_id, f"recycled {why}")) is not None:
                    return trouble
            instance.images = 0
        elif not await self._replaced(instance):
            return None
        self._recycler.say_done(why)
        return None

    async def _replaced(self, old: Instance) -> bool:
        """Have a second instance take over; the old one ends when it has answered all. False: it goes on."""
        fresh = await self._recycler.successor()
        if fresh is None:
            return False
        self._instance, self._pid = fresh, await _pid(fresh)
        self._show()
        try:
            await old.drained(_DRAIN_S)
        finally:
            await old.put_down()
        return True

    def _move(self, state: ServerState, reason: str) -> None:
        before = self.snapshot
        if state not in ALLOWED[before.state]:
            raise AssertionError(f"server '{before.id}' cannot go from {before.state} to {state}")
        retrying = before.state is ServerState.DEGRADED or (before.retrying and state is not ServerState.READY)
        self.snapshot = replace(before, state=state, since_mono_s=self._now(), reason=reason, retrying=retrying)
        if state not in {ServerState.LOADING, ServerState.READY}:
            self._roster.clear()
            self._pid = None
        self._show()
        self._on_change(before, self.snapshot)

    def _show(self) -> None:
        """Put together what others see, and wake those who wait for a change."""
        up = self.snapshot.state in {ServerState.LOADING, ServerState.READY}
        self.snapshot = replace(
            self.snapshot,
            pid=self._pid,
            url=self._instance.server.url if up and self._instance else None,
            models=self._roster.loaded,
            missing=self._roster.missing,
            sizes=self._roster.sizes,
        )
        if self._instance is not None:
            self._note_answer(self._instance)
        self._changed.set()
        self._changed = asyncio.Event()


def _trouble(error: FourEyesError, when: str = "") -> Trouble:
    unauthorised = isinstance(error, UnauthorisedError)
    return Trouble(Ailment.UNAUTHORISED if unauthorised else Ailment.GONE, f"{error}{when}")


async def _pid(instance: Instance) -> int | None:
    if instance.process is not None:
        return instance.process.pid
    return await asyncio.to_thread(listener_pid, instance.server.url)
