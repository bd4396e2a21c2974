"""A supervisor that a test runs over real processes, and the states that it goes through."""

from __future__ import annotations

import asyncio
import contextlib
import time
from collections.abc import AsyncIterator, Callable, Sequence

from foureyes.config.settings import EngineServer, Recycling, Restarts
from foureyes.servers.gate import Gate
from foureyes.servers.http.clients import Clients
from foureyes.servers.kinds.engine import Engine
from foureyes.servers.launch import launch_for
from foureyes.servers.process.child import Child
from foureyes.servers.server import ModelServer
from foureyes.servers.state import ServerSnapshot, ServerState
from foureyes.servers.supervisor import Launch, Supervisor
from foureyes.telemetry.metrics import Metrics
from parts.watched import FakeEngine

DIES = ("sh", "-c", "echo 'no memory left' >&2; exit 9")
WITHIN_S = 30.0


class TinyLaunch:
    """Starts one program after another, the last one again and again; notes when."""

    can_overlap = False
    owns_process = True
    only_asks = False

    def __init__(self, commands: Sequence[Sequence[str]]) -> None:
        self._commands = list(commands)
        self.started_s: list[float] = []
        self.children: list[Child] = []

    async def start(self, failures: int) -> tuple[ModelServer, Child]:  # noqa: ARG002 - each start is like the others
        self.started_s.append(time.monotonic())
        command = self._commands.pop(0) if len(self._commands) > 1 else self._commands[0]
        child = await Child.start("tiny", command, Metrics().dropped)
        self.children.append(child)
        try:
            port = await child.port(10)
        except BaseException:
            await child.stop()
            raise
        return Engine("tiny", f"http://127.0.0.1:{port}", Clients()), child


class Run:
    """A supervisor that runs, and the states it went through."""

    def __init__(
        self,
        launch: Launch,
        *,
        models: Sequence[str] = ("m",),
        check_s: float = 300.0,
        now: Callable[[], float] = time.monotonic,
        restarts: Restarts | None = None,
        recycling: Recycling | None = None,
    ) -> None:
        self.snapshots: list[ServerSnapshot] = []
        self.edges: set[tuple[ServerState, ServerState]] = set()
        self.on_change: Callable[[ServerSnapshot], None] = lambda _: None
        settings = EngineServer(
            id="tiny", check_s=check_s, restarts=restarts or Restarts(), recycling=recycling or Recycling()
        )
        gate = Gate("tiny", settings.max_requests, 10, Metrics().dropped)
        self.supervisor = Supervisor(settings, launch, models, gate=gate, on_change=self._changed, now=now)

    def _changed(self, before: ServerSnapshot, after: ServerSnapshot) -> None:
        self.snapshots.append(after)
        self.edges.add((before.state, after.state))
        self.on_change(after)

    @property
    def states(self) -> list[ServerState]:
        return [snapshot.state for snapshot in self.snapshots]

    async def until(self, condition: Callable[[], bool], what: str) -> None:
        deadline_s = time.monotonic() + WITHIN_S
        while not condition():
            assert time.monotonic() < deadline_s, f"waited in vain: {what}; {self.snapshots[-3:]}"
            await asyncio.sleep(0.02)

    async def until_ready(self) -> ServerSnapshot:
        await self.until(lambda: self.supervisor.snapshot.ready, "ready")
        return self.supervisor.snapshot


@contextlib.asynccontextmanager
async def running(run: Run) -> AsyncIterator[Run]:
    task = asyncio.create_task(run.supervisor.run())
    try:
        yield run
    finally:
        task.cancel()
        await asyncio.wait({task})
    assert task.cancelled()  # it ended because it was told to, not by a fault of its own


def attached(engine: FakeEngine) -> Launch:
    """The launch of a server that runs already."""
    return launch_for(EngineServer(url=engine.url), Clients(), Metrics().dropped)
