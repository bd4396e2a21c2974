"""The fleet: the supervisors that run, each in a task of its own, and how it becomes another one."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Container, Iterable, Mapping

from foureyes.config import Settings
from foureyes.daemon.demand import needed_servers, wanted_models
from foureyes.daemon.difference import Fates, in_the_way
from foureyes.servers.state import ServerState
from foureyes.servers.supervisor import Supervisor
from foureyes.telemetry.metrics import Metrics

Build = Callable[[Settings, Container[str]], dict[str, Supervisor]]
"""Makes the supervisors of servers by their names; starts nothing."""


class Fleet:
    """`servers` is live: who routes by it sees each change at once."""

    def __init__(self, build: Build, metrics: Metrics) -> None:
        self.servers: dict[str, Supervisor] = {}
        self._build = build
        self._metrics = metrics
        self._keeping: dict[Supervisor, asyncio.Task[None]] = {}

    def begin(self, settings: Settings) -> None:
        """Start every server that a task needs."""
        self.servers.update(self._build(settings, needed_servers(settings)))
        self._start(self.servers.values())

    async def settled(self, enough: Callable[[], bool]) -> None:
        """Return once every server is known to be ready or not, or what is ready is enough."""
        servers = self.servers.values()
        await _until(lambda: enough() or all(server.is_settled for server in servers), servers)

    async def bring_up(self, before: Settings, after: Settings, fates: Fates[str]) -> dict[str, Supervisor]:
        """Start what is fresh, and have all new models ready or known not to be, before anybody relies on them."""
        fresh = self._build(after, fates.fresh)
        await self._make_way(before, after, fates)
        self._start(fresh.values())
        wanted_before, wanted = wanted_models(before), wanted_models(after)
        for name in fates.kept:
            self.servers[name].want(list(dict.fromkeys(wanted_before[name] + wanted[name])))
        kept = {self.servers[name]: set(wanted[name]) - set(wanted_before[name]) for name in fates.kept}

        def is_up() -> bool:
            settled = all(server.is_settled for server in fresh.values())
            return settled and all(_knows(server, models) for server, models in kept.items())

        bounds_s = [server.start_timeout_s + server.load_timeout_s for server in needed_servers(after).values()]
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(max(bounds_s)):
                await _until(is_up, [*fresh.values(), *kept])
        return fresh

    def switch(self, after: Settings, fates: Fates[str], fresh: Mapping[str, Supervisor]) -> list[Supervisor]:
        """Route to what is fresh from this moment on; return those that are routed to no more."""
        retired = [self.servers.pop(name) for name in fates.retired]
        self.servers.update(fresh)
        for name, models in wanted_models(after).items():
            self.servers[name].want(models)
        return retired

    async def retire(self, retired: Iterable[Supervisor]) -> None:
        """Let servers answer what they were asked, then stop them; returns when their processes are gone."""
        retired = list(retired)
        await asyncio.gather(*(server.drained() for server in retired))
        await self._stop(retired)
        for name in {server.snapshot.id for server in retired}:
            if (successor := self.servers.get(name)) is None:
                self._metrics.forget_server(name, tuple(ServerState))
            else:  # its predecessor's last words were about itself
                self._metrics.server_state(name, successor.snapshot.state, tuple(ServerState))

    async def stop_all(self, within_s: float) -> None:
        """Stop all that was ever started, also what is not routed to yet or any more."""
        stopping = asyncio.create_task(self._stop(tuple(self._keeping)), name="stop of all servers")
        await asyncio.wait({stopping}, timeout=within_s)
        stopping.cancel()

    def _start(self, supervisors: Iterable[Supervisor]) -> None:
        for each in supervisors:
            self._keeping[each] = asyncio.create_task(each.run(), name=f"server {each.snapshot.id}")

    async def _make_way(self, before: Settings, after: Settings, fates: Fates[str]) -> None:
        old, new = needed_servers(before), needed_servers(after)
        names = in_the_way({name: old[name] for name in fates.retired}, {name: new[name] for name in fates.fresh})
        await self._stop(self.servers[name] for name in names)

    async def _stop(self, supervisors: Iterable[Supervisor]) -> None:
        ending = [self._keeping[each] for each in supervisors if each in self._keeping]
        for task in ending:
            if not task.cancelling():  # asked twice, it would leave a process half-stopped
                task.cancel()
        if ending:
            await asyncio.wait(ending)
        self._keeping = {each: task for each, task in self._keeping.items() if not task.done()}


def _knows(server: Supervisor, models: set[str]) -> bool:
    """Whether a server has these models, or says why not; one that is not ready says so by that."""
    snapshot = server.snapshot
    return not snapshot.ready or models <= {*snapshot.models, *snapshot.missing}


async def _until(condition: Callable[[], bool], supervisors: Iterable[Supervisor]) -> None:
    """Return once a condition holds, which is looked at whenever one of these changes."""
    watched = tuple(supervisors)
    while not condition():
        changes = [asyncio.create_task(each.change(), name=f"change of {each.snapshot.id}") for each in watched]
        try:
            await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for change in changes:
                change.cancel()
