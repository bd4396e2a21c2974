"""The MongoDB writer: empties the spool's outbox into MongoDB, however long that was away."""

from __future__ import annotations

import asyncio
import contextlib
import platform
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from bson.errors import BSONError
from pymongo.errors import PyMongoError

from foureyes.config.mongo import Mongo
from foureyes.errors.decision_outbox import acknowledge_decisions, unsent_decisions
from foureyes.errors.group import Group
from foureyes.errors.mongo_documents import Write, decision_write, event_write, group_write
from foureyes.errors.mongo_link import REFUSED_RETRY_S, MongoLink
from foureyes.errors.mongo_store import Collection, MongoStore, reason_of, write
from foureyes.errors.queries import outstanding
from foureyes.errors.spool import Spool, Unsent
from foureyes.exceptions import SpoolError
from foureyes.redaction import redact_text
from foureyes.telemetry.log import event

_POLL_S = 1.0
_SPOOL_RETRY_S = 5.0
_CLEAN_EVERY_S = 3600.0
_LAST_ROUND_S = 2.0
_FEWER = 4
"""So many times fewer are sent at once after a failure, and so many times more again after a success."""
_REVISION = "revision of the groups that MongoDB has"


class MongoWriter:
    """One task beside the looking. `component` is its part of /health."""

    def __init__(
        self,
        store: MongoStore,
        spool_file: Path,
        settings: Mongo,
        *,
        report: Callable[..., Any],
        counted: Callable[[int, int], None] = lambda _outbox, _dead_letters: None,
        machine: str | None = None,
        poll_s: float = _POLL_S,
        refused_retry_s: float = REFUSED_RETRY_S,
        now: Callable[[], float] = time.monotonic,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Begin nothing yet.

        `report` takes the loss of MongoDB as a fault; `counted` how many events wait and how many were refused.
        """
        self._store = store
        self._file = spool_file
        self._most = self._batch = settings.batch
        self._link = MongoLink(report, refused_retry_s)
        self._counted = counted
        self._poll_s = poll_s
        self._machine = machine or platform.node()
        self._now, self._utcnow = now, utcnow
        self._has_indexes = False
        self._ending = asyncio.Event()
        self._waiting, self._dead_letters = 0, 0
        self._clean_at_s: float | None = None

    def component(self) -> dict[str, Any]:
        """Its state and why, how many events wait for MongoDB, and how many it refused for good."""
        return self._link.component() | {"backlog": self._waiting, "dead_letters": self._dead_letters}

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Write while inside; what is left is written at the end, within a bound."""
        task = asyncio.create_task(self._run(), name="mongo")
        try:
            yield
        finally:
            self._ending.set()
            await asyncio.wait({task}, timeout=_LAST_ROUND_S)
            task.cancel()  # the spool keeps what is left for the next start
            await asyncio.wait({task})
            await self._store.close()

    async def _run(self) -> None:
        while not self._ending.is_set():
            pause_s = await self._attempt()
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(self._ending.wait(), pause_s)
        if not self._link.is_down:
            await self._attempt()

    async def _attempt(self) -> float:
        """Do one round; how long to wait for the next one."""
        try:
            await self._round()
        except SpoolError:
            return _SPOOL_RETRY_S  # whoever writes the spool says so
        except Exception as error:  # noqa: BLE001 - a reply that the driver chokes on must not end the writing
            return self._link.failed(error)
        self._link.succeeded()
        return self._poll_s

    async def _round(self) -> None:
        """Bring MongoDB up to what the spool has now."""
        spool = await asyncio.to_thread(Spool, self._file)  # anew each time: a damaged one is set aside meanwhile
        try:
            await self._count(spool)
            await self._store.check()
            if not self._has_indexes:
                await self._store.make_indexes()
                self._has_indexes = True
            while await self._send_events(spool) or await self._send_groups(spool):
                pass
            await self._send_decisions(spool)
            await self._count(spool)
        finally:
            await asyncio.to_thread(spool.close)
        await self._clean()

    async def _count(self, spool: Spool) -> None:
        self._waiting, self._dead_letters = await asyncio.to_thread(outstanding, spool)
        self._counted(self._waiting, self._dead_letters)

    async def _send_events(self, spool: Spool) -> bool:
        """Send the oldest events, and mark them as sent; whether there may be more."""
        wanted = self._batch
        unsent, writes, refused = await asyncio.to_thread(_letters, spool, wanted)
        written = [each for each in unsent if each.sequence not in refused]
        for place, reason in (await self._written(self._store.events, writes)).items():
            refused[written[place].sequence] = reason
        await asyncio.to_thread(self._settle, spool, unsent, refused)
        return len(unsent) == wanted

    async def _written(self, collection: Collection, writes: list[Write]) -> dict[int, str]:
        """Write; fewer are taken at once until it is through: a slow MongoDB may never take so many."""
        before, self._batch = self._batch, max(1, self._batch // _FEWER)
        refused = await write(collection, writes)
        self._batch = min(self._most, before * _FEWER)
        return refused

    def _settle(self, spool: Spool, unsent: list[Unsent], refused: dict[int, str]) -> None:
        for sequence, reason in refused.items():
            spool.dead_letter(sequence, redact_text(reason), self._utcnow())
        if unsent:
            spool.acknowledge(each.sequence for each in unsent)
        if refused:
            text = (
                f"MongoDB refuses {len(refused)} events, which stay in the spool: {next(iter(refused.values()))}"
            )
            event("mongo.refused_events", text, level="warning")

    async def _send_groups(self, spool: Spool) -> bool:
        """Send the groups that have changed since; whether there may be more."""
        wanted = self._batch
        groups: list[Group] = await asyncio.to_thread(_changed_groups, spool, wanted)
        refused = await self._written(self._store.groups, [group_write(each, self._machine) for each in groups])
        if groups:
            await asyncio.to_thread(spool.set_note, _REVISION, str(groups[-1].revision))
        for place, reason in refused.items():
            name = groups[place].fingerprint
            event("mongo.refused_group", f"MongoDB refuses the group {name}: {reason}", level="warning")
        return len(groups) == wanted

    async def _send_decisions(self, spool: Spool) -> None:
        """Send what triage decided since; there are few, and what is over comes with the next round."""
        documents = await asyncio.to_thread(unsent_decisions, spool, self._batch)
        if not documents:
            return
        refused = await write(self._store.decisions, [decision_write(document) for document in documents])
        await asyncio.to_thread(acknowledge_decisions, spool, [document["id"] for document in documents])
        for place, reason in refused.items():
            text = f"MongoDB refuses the decision {documents[place]['id']}, which stays in the spool: {reason}"
            event("mongo.refused_decision", text, level="warning")

    async def _clean(self) -> None:
        """Delete what is too old, now and then."""
        if self._clean_at_s is not None and self._now() < self._clean_at_s:
            return
        self._clean_at_s = self._now() + _CLEAN_EVERY_S
        try:
            deleted = await self._store.delete_old(self._utcnow())
        except PyMongoError as error:  # much to delete takes long: that is no loss
            text = f"what is too old could not be deleted from MongoDB, later again: {reason_of(error)}"
            event("mongo.not_cleaned", text, level="warning")
            return
        if deleted:
            event("mongo.cleaned", f"{deleted} old events are deleted from MongoDB", level="debug")


def _letters(spool: Spool, limit: int) -> tuple[list[Unsent], list[Write], dict[int, str]]:
    """The oldest unsent events, the writes that send them, and those that BSON cannot hold, with the reason."""
    unsent = spool.unsent(limit)
    writes: list[Write] = []
    refused: dict[int, str] = {}
    for each in unsent:
        try:
            writes.append(event_write(each.document))
        except (BSONError, OverflowError, ValueError) as error:
            refused[each.sequence] = f"not to be written as BSON: {error}"
    return unsent, writes, refused


def _changed_groups(spool: Spool, limit: int) -> list[Group]:
    return spool.groups_changed_since(int(spool.note(_REVISION) or 0), limit)
