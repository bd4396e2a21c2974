"""What is asked of the spool: groups by filters, one group with its events, totals."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from foureyes.errors.group import Group
from foureyes.errors.plain import stamp
from foureyes.errors.room import used_bytes
from foureyes.errors.spool import Spool, document_of, group_of
from foureyes.exceptions import UnknownFaultError

_SHORTEST_NAME = 6


@dataclass(frozen=True)
class Filter:
    """Which groups are wanted; None is any. `kind` is a bug class or an exception's type."""

    since: datetime | None = None
    until: datetime | None = None
    kind: str | None = None
    component: str | None = None
    """The component, or what stands before its colon."""
    severity: str | None = None
    status: str | None = None

    def conditions(self) -> Iterator[tuple[str, str]]:
        """SQL conditions with one value each, to be bound as often as the condition has places."""
        if self.since is not None:
            yield "last_seen >= ?", stamp(self.since)
        if self.until is not None:
            yield "first_seen <= ?", stamp(self.until)
        if self.kind is not None:
            yield "lower(?) IN (lower(bug_class), lower(type))", self.kind
        if self.component is not None:
            yield "? IN (component, substr(component, 1, instr(component, ':') - 1))", self.component
        if self.severity is not None:
            yield "severity = ?", self.severity
        if self.status is not None:
            yield "status = ?", self.status


def groups(spool: Spool, wanted: Filter | None = None, limit: int = -1) -> list[Group]:
    """The groups that are wanted, the one seen last first."""
    conditions = list((wanted or Filter()).conditions())
    where = " AND ".join(["1", *(condition for condition, _ in conditions)])
    values = [value for _, value in conditions]
    query = f"SELECT * FROM groups WHERE {where} ORDER BY last_seen DESC LIMIT ?"  # noqa: S608 - our own conditions
    with spool.reading() as connection:
        return [group_of(row) for row in connection.execute(query, (*values, limit))]


def find_group(spool: Spool, name: str) -> Group:
    """The group of a fingerprint, of the beginning of one, or of an event's id. Raises UnknownFaultError."""
    with spool.reading() as connection:
        rows = _named(connection, name)
    if not rows:
        raise UnknownFaultError(f"no fault is known as '{name}'; `foureyes errors list` has them all")
    if len(rows) > 1:
        raise UnknownFaultError(f"'{name}' is the beginning of {len(rows)} groups; give more of it")
    return group_of(rows[0])


def _named(connection: sqlite3.Connection, name: str) -> list[sqlite3.Row]:
    of_event = "SELECT groups.* FROM groups JOIN events USING (fingerprint) WHERE events.id = ?"
    if rows := connection.execute(of_event, (name,)).fetchall():
        return rows
    if len(name) < _SHORTEST_NAME:
        return []
    begins = "SELECT * FROM groups WHERE substr(fingerprint, 1, ?) = ?"
    return connection.execute(begins, (len(name), name)).fetchall()


def events_of(spool: Spool, fingerprint: str, limit: int = -1) -> list[dict[str, Any]]:
    """The documents of a group's events that are kept, the newest first."""
    query = "SELECT document, resolved_at FROM events WHERE fingerprint = ? ORDER BY id DESC LIMIT ?"
    with spool.reading() as connection:
        return [document_of(row) for row in connection.execute(query, (fingerprint, limit))]


def event(spool: Spool, event_id: str) -> dict[str, Any] | None:
    """One event's document; None where it is not kept."""
    with spool.reading() as connection:
        row = connection.execute("SELECT document, resolved_at FROM events WHERE id = ?", (event_id,)).fetchone()
    return None if row is None else document_of(row)


def stats(spool: Spool) -> dict[str, Any]:
    """Totals: how many of what, what MongoDB has not got, and the size of it all."""
    size = used_bytes(spool)
    with spool.reading() as connection:
        total = connection.execute(
            "SELECT count(*) AS groups, coalesce(sum(count), 0) AS faults, min(first_seen) AS oldest, "
            "max(last_seen) AS newest FROM groups"
        ).fetchone()
        return {
            **dict(total),
            "events_kept": _count(connection, "events"),
            "by_status": _faults_by(connection, "status"),
            "by_class": _faults_by(connection, "bug_class"),
            "by_severity": _faults_by(connection, "severity"),
            "by_component": _faults_by(connection, "component"),
            "not_in_mongodb": _count(connection, "outbox"),
            "dead_letters": _count(connection, "dead_letters"),
            "size_bytes": size,
        }


def outstanding(spool: Spool) -> tuple[int, int]:
    """How many events MongoDB has not got, and how many it refused for good."""
    with spool.reading() as connection:
        return _count(connection, "outbox"), _count(connection, "dead_letters")


def _count(connection: sqlite3.Connection, table: str) -> int:
    return int(connection.execute(f"SELECT count(*) FROM {table}").fetchone()[0])  # noqa: S608 - our own names


def _faults_by(connection: sqlite3.Connection, column: str) -> dict[str, int]:
    query = f"SELECT {column}, sum(count) FROM groups GROUP BY 1 ORDER BY 2 DESC, 1"  # noqa: S608 - our own names
    return {str(name): int(number) for name, number in connection.execute(query)}
