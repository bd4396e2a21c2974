"""MongoDB's side of the error log: the client, the collections and their indexes, writes that tell who refused."""

from __future__ import annotations

import logging
import re
from collections.abc import Sequence
from datetime import datetime, timedelta
from typing import Any
from urllib.parse import unquote, urlsplit

from pymongo import ASCENDING, DESCENDING, AsyncMongoClient
from pymongo.asynchronous.collection import AsyncCollection
from pymongo.errors import BulkWriteError, ConfigurationError, OperationFailure, PyMongoError

from foureyes.config.mongo import Mongo
from foureyes.errors.mongo_documents import Write
from foureyes.exceptions import ConfigError, ConfigFault
from foureyes.redaction import hide, redact_text
from foureyes.telemetry.log import event

_SOCKET_TIMEOUT_MS = 5000
_DRIVERS_OWN = re.compile(r" \(configured timeouts: |, Timeout: |, full error: ")
"""Behind these the driver lists its settings, and all it knows of every server."""
_REASON_CHARS = 300
_OTHER_OPTIONS = 85
_DUPLICATE = 11000
_ACCESS = {11, 13, 18, 334, 8000}
"""User not found, not allowed, not authenticated, no such mechanism, and Atlas' word for all of these."""
_PASSING = {6, 7, 50, 64, 89, 91, 112, 134, 189, 262, 9001, 10107, 11600, 11602, 13435, 13436, 14031}
"""The server steps down, ends, cannot be reached, takes too long or has no disk left: no fault of the document."""

_INDEXES = (
    [("component", ASCENDING), ("at", DESCENDING)],
    [("resolved", ASCENDING), ("at", DESCENDING)],
    [("fingerprint", ASCENDING), ("at", DESCENDING)],
)
_BY_TIME = [("at", ASCENDING)]

Collection = AsyncCollection[dict[str, Any]]


class MongoStore:
    """The collections of one MongoDB. Every method raises PyMongoError where MongoDB does not do its part."""

    def __init__(self, uri: str, settings: Mongo) -> None:
        """Connect to nobody yet. Raises ConfigError where the URI is none."""
        _hide(uri)
        self._kept_for = timedelta(days=settings.retention_days)
        self._client = _client(uri, settings)
        database = self._client[settings.database]
        self.events: Collection = database[settings.events]
        self.groups: Collection = database[settings.groups]
        self.decisions: Collection = database[settings.decisions]

    async def check(self) -> None:
        """Ask for a sign of life."""
        await self._client.admin.command("ping")

    async def make_indexes(self) -> None:
        """Make the indexes that are not there; where one is refused it goes without, and says so."""
        for keys in _INDEXES:
            await self._index(self.events, keys)
        await self._index(self.groups, [("last_seen", DESCENDING)])
        await self._index(self.decisions, [("at", DESCENDING)])
        await self._make_expiry()

    async def delete_old(self, now: datetime) -> int:
        """Delete the events that are older than they are to be kept; how many."""
        return (await self.events.delete_many({"at": {"$lt": now - self._kept_for}})).deleted_count

    async def close(self) -> None:
        """Let go of all connections."""
        await self._client.close()

    async def _make_expiry(self) -> None:
        seconds = round(self._kept_for.total_seconds())
        try:
            await self.events.create_index(_BY_TIME, expireAfterSeconds=seconds)
        except OperationFailure as error:
            if error.code == _OTHER_OPTIONS:
                index = {"keyPattern": dict(_BY_TIME), "expireAfterSeconds": seconds}
                await self.events.database.command("collMod", self.events.name, index=index)
                return
            event("mongo.no_expiry", f"this MongoDB expires nothing by itself, FourEyes deletes: {_said(error)}")
            await self._index(self.events, _BY_TIME)

    @staticmethod
    async def _index(collection: Collection, keys: list[tuple[str, int]]) -> None:
        try:
            await collection.create_index(keys)
        except OperationFailure as error:
            names = ", ".join(name for name, _ in keys)
            text = f"no index of {collection.name} by {names}, queries by it are slow: {_said(error)}"
            event("mongo.no_index", text, level="warning")


async def write(collection: Collection, writes: Sequence[Write]) -> dict[int, str]:
    """Write in order; the places of those that are refused for good, with the reason: the others are all written.

    Raises PyMongoError where it is not the document's fault; the same may then be written again.
    """
    requests = [each.first for each in writes]
    refused: dict[int, str] = {}
    done, upserting = 0, False
    while done < len(requests):
        try:
            await collection.bulk_write(requests[done:], ordered=True)
            break
        except BulkWriteError as error:
            at, code, reason = _refused_one(error)
            done += at
            if code == _DUPLICATE and not upserting:  # sent before, and not acknowledged: so may be what follows
                upserting = True
                requests[done:] = [each.upsert for each in writes[done:]]
                continue
            refused[done] = reason
            done += 1
    return refused


def _refused_one(error: BulkWriteError) -> tuple[int, int, str]:
    details = error.details
    first = next(iter(details["writeErrors"]), None)
    if first is None or details["writeConcernErrors"] or first["code"] in _PASSING | _ACCESS:
        raise error
    return first["index"], first["code"], f"code {first['code']}: {first['errmsg']}"


def is_refusal(error: Exception) -> bool:
    """Whether the configuration must be mended: MongoDB takes nothing from this user, or by this URI."""
    return isinstance(error, ConfigurationError) or getattr(error, "code", None) in _ACCESS


def reason_of(error: Exception) -> str:
    """Why MongoDB did not do its part, for people."""
    said = _DRIVERS_OWN.split(str(error), maxsplit=1)[0]
    return redact_text(f"{type(error).__name__}: {said}")[:_REASON_CHARS]


def _said(error: OperationFailure) -> str:
    return str((error.details or {}).get("errmsg", error))


def _hide(uri: str) -> None:
    """Nobody who reads the log learns the password, written as it is or escaped."""
    for secret in (uri, password := urlsplit(uri).password or "", unquote(password)):
        hide(secret)


def _client(uri: str, settings: Mongo) -> AsyncMongoClient[dict[str, Any]]:
    logging.getLogger("pymongo").setLevel(logging.WARNING)  # each command and its document at DEBUG
    try:
        return AsyncMongoClient(
            uri,
            appname="foureyes",
            serverSelectionTimeoutMS=round(settings.selection_timeout_s * 1000),
            connectTimeoutMS=round(settings.selection_timeout_s * 1000),
            socketTimeoutMS=_SOCKET_TIMEOUT_MS,
            w="majority",
            journal=True,  # what is acknowledged leaves our outbox: it has to be on their disk
            tz_aware=True,
        )
    except (PyMongoError, ValueError):
        allowed = "mongodb://user:password@host:27017 with %-escapes for what is special in the password"
        raise ConfigError("mongo", [ConfigFault("mongo.uri", "no URI of MongoDB", allowed)]) from None
