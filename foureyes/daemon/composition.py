"""The running set of one daemon: its configuration, servers, sources and tasks, and how it becomes another one."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable, Container, Iterable, Mapping
from contextlib import asynccontextmanager

from foureyes.config import Settings
from foureyes.config.settings import Source
from foureyes.daemon import parts
from foureyes.daemon.demand import plans_of
from foureyes.daemon.difference import Difference, Fates, difference
from foureyes.daemon.fleet import Fleet
from foureyes.daemon.parts import Found, Shared
from foureyes.daemon.trial import tried
from foureyes.exceptions import UsageError
from foureyes.servers.supervisor import Supervisor
from foureyes.telemetry.log import event
from foureyes.vision.look import Look
from foureyes.vision.plan import Plan
from foureyes.vision.source_watch import SourceWatch
from foureyes.vision.task_watch import TaskWatch

_GRACE_S = 4.5

Spare = Callable[[Mapping[str, Supervisor], Iterable[Plan]], None]
"""Takes servers by their names, and the tasks' plans."""


class Composition:
    """The one writer of what runs. Routers, health and the web read it live, never a copy.

    What a new configuration does not change goes on untouched. New servers and models are waited for before
    anything relies on them; then everything changes at once, between two looks; then what nobody uses ends.
    A changed source is let go of before its new watch takes it, since a capture device has one owner at a time;
    the gap is as long as that takes.
    """

    def __init__(self, settings: Settings, shared: Shared, spare: Spare) -> None:
        """`spare` has servers that are yet to start do without what the machine is too short for."""
        self.settings = settings
        self.watches: dict[str, SourceWatch] = {}
        self.changing = asyncio.Lock()
        """Held from the look at what is in force to the end of `change_to`."""
        self.fleet = Fleet(self._supervisors, shared.metrics)
        self._shared = shared
        self._spare = spare
        self._sources: dict[str, Found] = {}
        self._numbers: dict[str, int] = {}
        """By source that was watched before, the number at which its frames go on."""

    @property
    def servers(self) -> Mapping[str, Supervisor]:
        """The servers that may be asked, by their id; live."""
        return self.fleet.servers

    @property
    def tasks(self) -> list[TaskWatch]:
        """Every task of every source."""
        return [task for watch in self.watches.values() for task in watch.tasks]

    @property
    def notes(self) -> list[str]:
        """What was chosen where the configuration leaves it open."""
        return [f"source '{name}': {found.why}" for name, found in self._sources.items() if found.why is not None]

    def newest_look(self, source: str | None) -> Look | None:
        """The newest look at a source, the first one by default. Raises UsageError where there is no such."""
        name = next(iter(self.watches)) if source is None else source
        if name not in self.watches:
            raise UsageError(f"there is no source {name!r}; known sources: {', '.join(self.watches)}")
        return self.watches[name].newest_look

    @asynccontextmanager
    async def begun(self) -> AsyncIterator[None]:
        """Have the servers start and the sources ready to be watched; behind it all servers are stopped."""
        try:
            self.fleet.begin(self.settings)
            self._sources = {source.id: await _found(source) for source in self.settings.sources}
            self.watches = {name: self._watch(found.settings) for name, found in self._sources.items()}
            yield
        finally:
            await self.fleet.stop_all(_GRACE_S)

    async def run(self) -> None:
        """Watch until every source has given its last picture."""
        async with asyncio.TaskGroup() as self._group:
            for watch in self.watches.values():
                self._look(watch)

    async def change_to(self, settings: Settings) -> Difference:
        """Become what `settings` say, and return what that changed, with `changing` held.

        Raises SourceError, before anything has changed, where a source can never be watched.
        """
        change = difference(self.settings, settings)
        sources = await self._found(settings, change.sources.kept)
        fresh = await self.fleet.bring_up(self.settings, settings, change.servers)
        before = self.tasks
        # from here to the end of the switch nothing waits, so that nobody ever sees half of a configuration
        self.settings, self._sources = settings, sources
        retired = self.fleet.switch(settings, change.servers, fresh)
        stopped = self._switch(change.sources)
        self._shared.publisher.forget((task.plan.source, task.plan.task) for task in set(before) - set(self.tasks))
        await asyncio.gather(self.fleet.retire(retired), *(watch.closed() for watch in stopped))
        return change

    async def _found(self, settings: Settings, kept: Iterable[str]) -> dict[str, Found]:
        """Each source as it is to be watched. Raises SourceError where a fresh one can never be."""
        found = {}
        for source in settings.sources:
            if source.id in kept:
                before = self._sources[source.id]
                of_tasks = {"tasks": source.tasks, "regions": source.regions}
                found[source.id] = Found(before.settings.model_copy(update=of_tasks), before.why)
            else:
                found[source.id] = await _found(source)
                await tried(found[source.id].settings)
        return found

    def _switch(self, sources: Fates[str]) -> list[SourceWatch]:
        """Give what is kept its tasks, stop what is retired, and have what is fresh watched behind it."""
        for name in sources.kept:
            self._retask(self.watches[name])
        stopped = {name: self.watches[name] for name in sources.retired}
        for name, watch in stopped.items():
            watch.stop()
            self._numbers[name] = watch.next_number
        fresh = {name: self._watch(self._sources[name].settings) for name in sources.fresh}
        self.watches = {name: fresh.get(name) or self.watches[name] for name in self._sources}
        for name, watch in fresh.items():
            self._look(watch, after=stopped.get(name))
        for name in sources.gone:
            self._shared.metrics.forget_source(name)
        return list(stopped.values())

    def _retask(self, watch: SourceWatch) -> None:
        """Tasks whose plans are equal stay what they are."""
        source = self._sources[watch.id].settings

        def task(plan: Plan) -> TaskWatch:
            known = (each for each in watch.tasks if each.plan == plan)
            return next(known, None) or parts.task_of(plan, source.fps, watch.noise, self.servers, self._shared)

        watch.rules = parts.stall_rules(self.settings, source)
        watch.retask([task(plan) for plan in plans_of(self.settings, source)])

    def _supervisors(self, settings: Settings, names: Container[str]) -> dict[str, Supervisor]:
        shared = self._shared
        made = parts.supervisors_of(settings, shared.metrics, shared.clients, shared.tell, shared.report, names)
        self._spare(made, [plan for source in settings.sources for plan in plans_of(settings, source)])
        return made

    def _look(self, watch: SourceWatch, after: SourceWatch | None = None) -> None:
        self._group.create_task(_run(watch, after), name=f"source {watch.id}")

    def _watch(self, source: Source) -> SourceWatch:
        first_number = self._numbers.get(source.id, 0)
        return parts.watch_of(source, self.settings, self.servers, self._shared, first_number)


async def _found(source: Source) -> Found:
    found = await asyncio.to_thread(parts.found, source)
    if found.why is not None:
        text = f"source '{source.id}': {found.why}"
        event("source.picked", text, source=source.id, kind=found.settings.kind)
    return found


async def _run(watch: SourceWatch, after: SourceWatch | None) -> None:
    if after is not None:
        await after.closed()
    await watch.run()
