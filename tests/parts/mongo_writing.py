"""Faults in a spool, and the real writer that brings them to MongoDB, in the test's own event loop."""

from __future__ import annotations

import asyncio
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from pymongo.database import Database

from foureyes.config.mongo import Mongo
from foureyes.errors.event_id import EventIds
from foureyes.errors.fault import FaultEvent
from foureyes.errors.mongo import MongoWriter
from foureyes.errors.mongo_store import MongoStore
from foureyes.errors.spool import Spool, spool_file
from parts.program import POLL_S

MACHINE = "eye.example.org"
_IDS = EventIds()


def fault(number: int = 1, *, group: str | None = None, at: datetime | None = None, **more: Any) -> FaultEvent:
    """A fault event, of a group of its own where none is given."""
    fields = {
        "id": _IDS.next(),
        "fingerprint": group or f"group-{number}",
        "type": "ValueError",
        "message": f"number {number}",
        "stack": ({"function": "look", "in_project": True},),
        "chain": (),
        "component": "task:main/read",
        "severity": "high",
        "bug_class": "Unknown",
        "machine": MACHINE,
        "pid": 7,
        "at": at or datetime.now(UTC),
        "occurrence": number,
        "context": {"task": "read"},
    }
    return FaultEvent(**(fields | more))


class Writing:
    """The writer with what tests ask of it; its spool is `spool`, its MongoDB `mongo`."""

    def __init__(self, writer: MongoWriter, spool: Spool, mongo: Database[dict[str, Any]]) -> None:
        self.writer, self.spool, self.mongo = writer, spool, mongo
        self.events, self.groups = mongo["ERR0R"], mongo["ERR0R_groups"]
        self.reported: list[BaseException] = []

    @property
    def state(self) -> str:
        return str(self.writer.component()["state"])

    def messages(self) -> list[str]:
        """The messages of all events in MongoDB, in the order of their ids."""
        return [each["message"] for each in self.events.find(sort=[("_id", 1)])]

    async def until(self, condition: Callable[[], bool], what: str, timeout_s: float = 20.0) -> None:
        """Poll while the writer goes on."""
        deadline_s = time.monotonic() + timeout_s
        while not await asyncio.to_thread(condition):
            assert time.monotonic() < deadline_s, f"waited in vain: {what}; {self.writer.component()}"
            await asyncio.sleep(POLL_S)

    async def until_state(self, state: str) -> None:
        await self.until(lambda: self.state == state, f"the writer is {state}")

    async def until_sent(self) -> None:
        """Until MongoDB has all that the spool has."""
        await self.until(lambda: not self.spool.unsent(), "the outbox is empty")


@asynccontextmanager
async def writing(
    uri: str, mongo: Database[dict[str, Any]], state_dir: Path, *, refused_retry_s: float = 60.0, **settings: Any
) -> AsyncIterator[Writing]:
    """Run a writer from the spool of `state_dir` to the database `mongo`, which is reached by `uri`."""
    wanted = Mongo(database=mongo.name, **{"selection_timeout_s": 1.0, **settings})
    file = spool_file(state_dir)
    with Spool(file) as spool:
        reported: list[BaseException] = []
        writer = MongoWriter(
            MongoStore(uri, wanted),
            file,
            wanted,
            report=lambda error, component: reported.append(error),  # noqa: ARG005 - the recorder's signature
            machine=MACHINE,
            poll_s=0.1,
            refused_retry_s=refused_retry_s,
        )
        running = Writing(writer, spool, mongo)
        running.reported = reported
        async with writer.running():
            yield running
