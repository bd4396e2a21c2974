"""What MongoDB is told of events and groups: updates that may be repeated without doubling anything."""

from __future__ import annotations

from typing import Any

import bson
from bson.raw_bson import RawBSONDocument
from pymongo import UpdateOne

from foureyes.errors.group import Group
from foureyes.errors.plain import moment

Update = UpdateOne

_KEY_ESCAPES = str.maketrans({"%": "%25", ".": "%2E", "$": "%24"})
"""A dot or a dollar in the name of a field means something to MongoDB."""


def event_update(document: dict[str, Any]) -> Update:
    """Bring one event to MongoDB: its id is the `_id`, its moments are dates.

    What is there already stays, and so does a flag `resolved` that was set there; only a resolution of ours is
    written over it. Raises what BSON raises where it cannot hold a document.
    """
    fields = {**document, "at": moment(document["at"])}
    name = fields.pop("id")
    update: dict[str, Any] = {}
    if document["resolved"]:
        del fields["resolved"], fields["resolved_at"]
        update["$set"] = {"resolved": True, "resolved_at": moment(document["resolved_at"])}
    update["$setOnInsert"] = RawBSONDocument(bson.encode(fields))  # encoded here, not on the event loop
    return UpdateOne({"_id": name}, update, upsert=True)


def group_update(group: Group, machine: str) -> Update:
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
    return UpdateOne({"_id": group.fingerprint}, update, upsert=True)
