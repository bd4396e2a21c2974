"""What MongoDB is told of events, groups and decisions: writes that may be repeated without doubling anything."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import InsertOne, UpdateOne

from foureyes.errors.group import Group
from foureyes.errors.plain import moment

_KEY_ESCAPES = str.maketrans({"%": "%25", ".": "%2E", "$": "%24"})
"""A dot or a dollar in the name of a field means something to MongoDB."""


@dataclass(frozen=True)
class Write:
    """One document's write: what is tried first, and the upsert that is right whatever is there already."""

    first: InsertOne[Any] | UpdateOne
    upsert: UpdateOne


def event_write(document: dict[str, Any]) -> Write:
    """Bring one event to MongoDB: its id is the `_id`, its moments are dates.

    What is there already stays, and so does a flag `resolved` that was set there; only a resolution of ours is
    written over it. Raises what BSON raises where it cannot hold a document.
    """
    fields = {**document, "at": moment(document["at"])}
    name = fields.pop("id")
    if document["resolved"]:
        del fields["resolved"], fields["resolved_at"]
        resolved = {"resolved": True, "resolved_at": moment(document["resolved_at"])}
        update = UpdateOne({"_id": name}, {"$set": resolved, "$setOnInsert": _encoded(fields)}, upsert=True)
        return Write(update, update)
    insert = InsertOne(_encoded({"_id": name, **fields}))
    return Write(insert, UpdateOne({"_id": name}, {"$setOnInsert": fields}, upsert=True))


def _encoded(fields: dict[str, Any]) -> RawBSONDocument:
    """BSON by now, in the thread that reads the spool: the event loop is spared the work."""
    return RawBSONDocument(bson.encode(fields))


def decision_write(document: dict[str, Any]) -> Write:
    """Bring one decision to MongoDB: its id is the `_id`, and what is there already stays."""
    fields = {**document, "at": moment(document["at"])}
    upsert = UpdateOne({"_id": fields.pop("id")}, {"$setOnInsert": fields}, upsert=True)
    return Write(upsert, upsert)


def group_write(group: Group, machine: str) -> Write:
    """Bring one group to MongoDB: what this machine knows of it stands under the machine's name."""
    here = f"machines.{machine.translate(_KEY_ESCAPES)}"
    update = {
        "$max": {f"{here}.count": group.count, "last_seen": group.last_seen},
        "$min": {"first_seen": group.first_seen},
        "$set": {
            f"{here}.status": str(group.status),
            f"{here}.resolved_at": group.resolved_at,
            f"{here}.last_event": group.last_event,
        },
        "$setOnInsert": {
            "type": group.type,
            "message": group.message,
            "component": group.component,
            "severity": group.severity,
            "bug_class": group.bug_class,
            "first_event": group.first_event,
        },
    }
    upsert = UpdateOne({"_id": group.fingerprint}, update, upsert=True)
    return Write(upsert, upsert)
