"""The supervisor: the one writer of a server's state; it starts, proves by inference, watches and restarts it."""

from __future__ import annotations

import asyncio
import time
from collections import deque
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Protocol

from foureyes.backoff import backoff_s
from foureyes.exceptions import FourEyesError, ModelMissingError, ServerError, ServerStartError
from foureyes.servers.child import Child
from foureyes.servers.probe import probe
from foureyes.servers.server import ChatReply, ChatRequest, ModelServer
from foureyes.servers.state import ALLOWED, ServerSnapshot, ServerState
from foureyes.telemetry.log import event

_WINDOW_S = 600.0
_DEGRADED_AFTER = 3
_FIRST_BACKOFF_S, _CAP_FAILED_S, _CAP_DEGRADED_S = 1.0, 30.0, 300.0
_STABLE_S = 60.0
_PROBE_EVERY_S = 60.0
_MISSES_BEFORE_ACTING = 2


class Launch(Protocol):
    """How a server is brought up: start it (or find it) and say where it listens."""

    async def start(self, timeout_s: float) -> tuple[ModelServer, Child | None]:
        """Raises ServerStartError; what was half-started has been stopped again."""
        ...


class Supervisor:
    """Keeps one server alive. `run` is its only task; all others read `snapshot` or call `chat`."""

    def __init__(
        self,
        name: str,
        launch: Launch,
        models: Sequence[str],
        *,
        start_timeout_s: float,
        check_s: float,
        on_change: Callable[[ServerSnapshot, ServerSnapshot], None],
        now: Callable[[], float] = time.monotonic,
    ) -> None:
        self.snapshot = ServerSnapshot(
            name, ServerState.STOPPED, now(), "not started yet", 0, None, None, (), (), None
        )
        self._launch = launch
        self._models = tuple(models)
        self._start_timeout_s = start_timeout_s
        self._check_s = check_s
        self._on_change = on_change
        self._now = now
        self._server: ModelServer | None = None
        self._child: Child | None = None
        self._suspect = asyncio.Event()
        self._settled = asyncio.Event()
        self._failures: deque[float] = deque(maxlen=100)
        self._answered: dict[str, float] = {}

    async def run(self) -> None:
        """Keep the server up until cancelled; then stop it."""
        try:
            while True:
                reason = await self._one_life()
                stable = self.snapshot.ready and self._now() - self.snapshot.since_mono_s >= _STABLE_S
                self._move(ServerState.FAILED, reason)
                await self._put_down()
                await self._pause(stable=stable)
        finally:
            self._move(ServerState.STOPPING, "FourEyes ends")
            await self._put_down()
            self._move(ServerState.STOPPED, "FourEyes ends")

    async def settled(self) -> None:
        """Return once the first start has succeeded or failed."""
        await self._settled.wait()

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Ask the server; a failure that smells of its death wakes the supervisor at once."""
        server = self._server
        if server is None or not self.snapshot.ready:
            raise ServerStartError(f"server '{self.snapshot.id}' is {self.snapshot.state}: {self.snapshot.reason}")
        try:
            reply = await server.chat(request)
        except ServerError as error:
            if error.retryable:
                self._suspect.set()
            raise
        self._note_answer(request.model_id)
        return reply

    def _note_answer(self, model_id: str) -> None:
        """A real answer is a probe of its model; the server is as fresh as the model that is silent longest."""
        self._answered[model_id] = self._now()
        self.snapshot = replace(self.snapshot, probed_mono_s=min(self._answered.values()))

    async def _one_life(self) -> str:
        """Start, watch, and return why it is over."""
        started = self._now()
        try:
            self._move(ServerState.STARTING, "starting" if not self._failures else "restarting")
            self._answered.clear()
            self._server, self._child = await self._launch.start(self._start_timeout_s)
            self._move(ServerState.LOADING, f"loading {', '.join(self._models) or 'no model'}")
            await self._load_all(self._server)
        except FourEyesError as error:
            self._settled.set()
            return f"{error} (after {self._now() - started:.1f} s)"
        self._move(ServerState.READY, f"ready in {self._now() - started:.1f} s")
        self._settled.set()
        return await self._watch(self._server)

    async def _load_all(self, server: ModelServer) -> None:
        for model_id in self._models:
            try:
                await self._load(server, model_id)
            except ModelMissingError as error:
                self.snapshot = replace(self.snapshot, missing=(*self.snapshot.missing, str(error)))
                event("model.missing", str(error), level="error", server=self.snapshot.id, model=model_id)

    async def _load(self, server: ModelServer, model_id: str) -> None:
        load_s = await server.load(model_id)
        latency_ms = await probe(server, model_id, timeout_s=self._start_timeout_s)
        event(
            "model.loaded",
            f"model {model_id} is loaded and answered its probe",
            server=self.snapshot.id,
            model=model_id,
            duration_ms=round(load_s * 1000, 1),
            probe_ms=round(latency_ms, 1),
            outcome="ok",
        )
        self.snapshot = replace(self.snapshot, models=(*self.snapshot.models, model_id))
        self._note_answer(model_id)

    async def _watch(self, server: ModelServer) -> str:
        """Return the reason when the server is gone: its exit is seen at once, a hang by missed checks."""
        exited = asyncio.create_task(self._exit(), name=f"exit of {self.snapshot.id}")
        misses: list[str] = []
        try:
            while len(misses) < _MISSES_BEFORE_ACTING:
                await self._wait_for_check(exited, hurry=bool(misses))
                if exited.done():
                    return f"it ended ({exited.result()})"
                misses = [*misses, miss] if (miss := await self._miss(server, exited)) else []
        finally:
            exited.cancel()
        return misses[-1]

    async def _exit(self) -> str:
        if self._child is None:
            await asyncio.Event().wait()  # attached: there is no exit of ours to see
            return ""
        await self._child.wait()
        return self._child.exit_text()

    async def _wait_for_check(self, exited: asyncio.Task[str], *, hurry: bool) -> None:
        """Until the next check is due, or the child exits, or a live request failed."""
        suspected = asyncio.create_task(self._suspect.wait(), name=f"suspicion of {self.snapshot.id}")
        timeout_s = min(1.0, self._check_s) if hurry else self._check_s
        await asyncio.wait({exited, suspected}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        suspected.cancel()
        self._suspect.clear()  # here, not before: what fails during a check is a reason for the next one

    async def _miss(self, server: ModelServer, exited: asyncio.Task[str]) -> str | None:
        """One check; what was missed, or None. No real answer for a while is a reason to probe by inference."""
        checking = asyncio.create_task(self._check(server), name=f"check of {self.snapshot.id}")
        await asyncio.wait({checking, exited}, return_when=asyncio.FIRST_COMPLETED)
        if not checking.done():
            checking.cancel()
            return "it ended while it was checked"
        return checking.result()

    def _silent(self) -> list[str]:
        """The models from which no real answer came for a while."""
        now_s = self._now()
        return [model_id for model_id, at_s in self._answered.items() if now_s - at_s >= _PROBE_EVERY_S]

    async def _check(self, server: ModelServer) -> str | None:
        try:
            await server.check_live()
            for model_id in self._silent():
                await probe(server, model_id, timeout_s=self._start_timeout_s)
                self._note_answer(model_id)
        except ServerError as error:
            return str(error)
        return None

    async def _put_down(self) -> None:
        """Let go of both; where this is cancelled half-way, the next call goes on: no child is forgotten."""
        if self._server is not None:
            await self._server.aclose()
            self._server = None
        if self._child is not None:
            await self._child.stop()
            self._child = None

    async def _pause(self, *, stable: bool) -> None:
        """Back off: the first restart comes at once; after three failures in the window the server is degraded."""
        self._failures.append(self._now())
        self.snapshot = replace(self.snapshot, restarts=self.snapshot.restarts + 1)
        recent = sum(self._now() - at < _WINDOW_S for at in self._failures)
        if recent > _DEGRADED_AFTER:
            minutes = _WINDOW_S / 60
            self._move(ServerState.DEGRADED, f"{recent} failures in {minutes:.0f} min; {self.snapshot.reason}")
        if stable or recent == 1:
            return
        cap_s = _CAP_DEGRADED_S if self.snapshot.state is ServerState.DEGRADED else _CAP_FAILED_S
        await asyncio.sleep(backoff_s(recent - 1, first_s=_FIRST_BACKOFF_S, cap_s=cap_s))

    def _move(self, state: ServerState, reason: str) -> None:
        before = self.snapshot
        if state not in ALLOWED[before.state]:
            raise AssertionError(f"server '{before.id}' cannot go from {before.state} to {state}")
        up = state in {ServerState.LOADING, ServerState.READY}
        self.snapshot = replace(
            before,
            state=state,
            since_mono_s=self._now(),
            reason=reason,
            pid=self._child.pid if up and self._child else None,
            url=self._server.url if up and self._server else None,
            models=before.models if up else (),
            missing=before.missing if up else (),
        )
        self._on_change(before, self.snapshot)
