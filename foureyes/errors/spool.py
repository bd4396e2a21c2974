"""The spool: faults on disk in the state folder, before anybody is told of them; MongoDB is filled from here.

The daemon's writer thread, the MongoDB writer and the commands each open a Spool of their own on the same file.
"""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, fields, replace
from datetime import datetime
from pathlib import Path
from typing import Any, Self

from foureyes.errors import group as rules
from foureyes.errors.database import opened, transaction, translated
from foureyes.errors.fault import FaultEvent
from foureyes.errors.group import Group, Status
from foureyes.errors.plain import as_json, moment, stamp

_GROUP_COLUMNS = tuple(each.name for each in fields(Group))
_MOST_GROUP_CHARS = 500  # its first event has all of it
_MOMENTS = {"first_seen", "last_seen", "resolved_at", "muted_until"}


@dataclass(frozen=True)
class Repeats:
    """Further events of a storm that only count."""

    fingerprint: str
    times: int
    last_at: datetime


@dataclass(frozen=True)
class Unsent:
    """An event that MongoDB does not have as it is now. Its id is the document's; `at` and the like are text."""

    sequence: int
    document: dict[str, Any]


def spool_file(state_dir: Path) -> Path:
    """Where the spool of a state folder is."""
    return state_dir / "errors" / "spool.db"


class Spool:
    """Groups, events, and what MongoDB has not got. May be called from any thread; every write is durable."""

    def __init__(self, file: Path, *, check: bool = False) -> None:
        """Open the spool; `check` reads all of it for damage. Raises a SpoolError leaf."""
        self.file = file
        self._lock = threading.Lock()
        self._connection = opened(file, check=check)

    def close(self) -> None:
        """Let go of the file."""
        with self._lock, translated(self.file):
            self._connection.close()

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.close()

    @contextmanager
    def reading(self) -> Iterator[sqlite3.Connection]:
        """The connection, for queries."""
        with self._lock, translated(self.file):
            yield self._connection

    @contextmanager
    def writing(self) -> Iterator[sqlite3.Connection]:
        """The connection, inside one transaction that is on disk when the block is left."""
        with self._lock, translated(self.file), transaction(self._connection):
            yield self._connection

    # What the daemon writes

    def write(
        self, events: Sequence[FaultEvent], repeats: Iterable[Repeats] = (), *, new_groups: bool = True
    ) -> int:
        """Keep events and counts in one transaction; how many were refused, since their group would be new."""
        refused = 0
        with self.writing() as connection:
            for event in events:
                refused += not _keep(connection, event, new_groups=new_groups)
            for repeat in repeats:
                group = _group(connection, repeat.fingerprint)
                if group is None:
                    refused += repeat.times
                else:
                    _put(connection, rules.seen(group, repeat.times, repeat.last_at))
        return refused

    # What MongoDB has not got

    def unsent(self, limit: int = 100) -> list[Unsent]:
        """The oldest events of the outbox, in the order in which they were written."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT sequence, document, resolved_at FROM outbox JOIN events ON id = event_id "
                "ORDER BY sequence LIMIT ?",
                (limit,),
            ).fetchall()
        return [Unsent(row["sequence"], document_of(row)) for row in rows]

    def acknowledge(self, sequences: Iterable[int]) -> None:
        """MongoDB has these. What has changed meanwhile is in the outbox under another number, and stays."""
        with self.writing() as connection:
            connection.executemany("DELETE FROM outbox WHERE sequence = ?", [(number,) for number in sequences])

    def dead_letter(self, sequence: int, reason: str, at: datetime) -> None:
        """MongoDB will never take this one: it is kept here, with the reason, and not sent again."""
        with self.writing() as connection:
            connection.execute(
                "INSERT OR REPLACE INTO dead_letters SELECT event_id, ?, ? FROM outbox WHERE sequence = ?",
                (reason, stamp(at), sequence),
            )
            connection.execute("DELETE FROM outbox WHERE sequence = ?", (sequence,))

    def groups_changed_since(self, revision: int, limit: int = 100) -> list[Group]:
        """The groups changed after `revision`, the oldest change first; each has its own revision."""
        with self.reading() as connection:
            rows = connection.execute(
                "SELECT * FROM groups WHERE revision > ? ORDER BY revision LIMIT ?", (revision, limit)
            ).fetchall()
        return [group_of(row) for row in rows]

    def note(self, name: str) -> str | None:
        """What somebody wanted to remember under a name, such as the last revision that was copied."""
        with self.reading() as connection:
            row = connection.execute("SELECT value FROM notes WHERE name = ?", (name,)).fetchone()
        return None if row is None else str(row["value"])

    def set_note(self, name: str, value: str) -> None:
        """Remember a value under a name."""
        with self.writing() as connection:
            connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (name, value))

    # What people and triage say of a group

    def group(self, fingerprint: str) -> Group | None:
        """One group; None where there is none."""
        with self.reading() as connection:
            return _group(connection, fingerprint)

    def resolve(self, fingerprint: str, at: datetime) -> Group | None:
        """Call a group resolved, and each of its events with it; MongoDB hears of both."""
        with self.writing() as connection:
            if (group := _group(connection, fingerprint)) is None:
                return None
            open_events = "SELECT id FROM events WHERE fingerprint = ? AND resolved_at IS NULL ORDER BY id"
            connection.execute(f"INSERT OR REPLACE INTO outbox (event_id) {open_events}", (fingerprint,))
            connection.execute(
                "UPDATE events SET resolved_at = ? WHERE fingerprint = ? AND resolved_at IS NULL",
                (stamp(at), fingerprint),
            )
            _audit(connection, at, "resolved", fingerprint)
            return _put(connection, rules.resolved(group, at))

    def mute(
        self, fingerprint: str, at: datetime, *, until: datetime | None = None, until_count: int | None = None
    ) -> Group | None:
        """Have a group out of sight until a time, or until it was seen so many times."""
        with self.writing() as connection:
            if (group := _group(connection, fingerprint)) is None:
                return None
            details = f"until {stamp(until)}" if until else f"until seen {until_count} times"
            _audit(connection, at, "muted", fingerprint, details)
            return _put(connection, rules.muted(group, until=until, until_count=until_count))

    def triage(self, fingerprint: str, at: datetime) -> Group | None:
        """Note that a group was handed to triage."""
        with self.writing() as connection:
            if (group := _group(connection, fingerprint)) is None:
                return None
            _audit(connection, at, "triaged", fingerprint)
            return _put(connection, rules.triaged(group))

    def regress(self, fingerprint: str, fixed_at: datetime, at: datetime) -> Group | None:
        """Note that a group was seen again although it was mended."""
        with self.writing() as connection:
            if (group := _group(connection, fingerprint)) is None:
                return None
            _audit(connection, at, "regressed", fingerprint, f"mended at {stamp(fixed_at)}")
            return _put(connection, rules.regressed(group, fixed_at))

    def audit(self, at: datetime, what: str, subject: str, details: str = "") -> None:
        """Keep what was done, when, to what."""
        with self.writing() as connection:
            _audit(connection, at, what, subject, details)


def document_of(row: sqlite3.Row) -> dict[str, Any]:
    """An event's document as it is now, from its row's `document` and `resolved_at`."""
    resolved_at = row["resolved_at"]
    return {**json.loads(row["document"]), "resolved": resolved_at is not None, "resolved_at": resolved_at}


def group_of(row: sqlite3.Row) -> Group:
    """A group from its row."""
    values = {name: row[name] for name in _GROUP_COLUMNS}
    for name in _MOMENTS:
        values[name] = None if values[name] is None else moment(values[name])
    return Group(**{**values, "status": Status(values["status"])})


def _group(connection: sqlite3.Connection, fingerprint: str) -> Group | None:
    row = connection.execute("SELECT * FROM groups WHERE fingerprint = ?", (fingerprint,)).fetchone()
    return None if row is None else group_of(row)


def _put(connection: sqlite3.Connection, group: Group) -> Group:
    """Write a group's row, under the next revision."""
    newest = connection.execute("SELECT coalesce(max(revision), 0) FROM groups").fetchone()[0]
    group = replace(group, revision=newest + 1)
    found = (getattr(group, name) for name in _GROUP_COLUMNS)  # astuple copies each value: half of a storm's time
    values = [stamp(value) if isinstance(value, datetime) else value for value in found]
    names, places = ", ".join(_GROUP_COLUMNS), ", ".join("?" * len(_GROUP_COLUMNS))
    connection.execute(f"INSERT OR REPLACE INTO groups ({names}) VALUES ({places})", values)  # noqa: S608 - our own names
    return group


def _keep(connection: sqlite3.Connection, event: FaultEvent, *, new_groups: bool) -> bool:
    """Write one event with what it means for its group; whether it was taken."""
    group = _group(connection, event.fingerprint)
    if group is None and not new_groups:
        return False
    _put(connection, _first_seen(event) if group is None else rules.seen(group, 1, event.at, event.id))
    connection.execute(
        "INSERT OR IGNORE INTO events VALUES (?, ?, ?, ?, NULL, ?)",
        (event.id, event.fingerprint, stamp(event.at), group is None, as_json(event.as_document())),
    )
    connection.execute("INSERT OR IGNORE INTO outbox (event_id) VALUES (?)", (event.id,))
    return True


def _first_seen(event: FaultEvent) -> Group:
    return Group(
        fingerprint=event.fingerprint,
        type=event.type,
        message=event.message[:_MOST_GROUP_CHARS],
        component=event.component,
        severity=event.severity,
        bug_class=event.bug_class,
        first_seen=event.at,
        last_seen=event.at,
        first_event=event.id,
        last_event=event.id,
    )


def _audit(connection: sqlite3.Connection, at: datetime, what: str, subject: str, details: str = "") -> None:
    connection.execute(
        "INSERT INTO audit (at, what, subject, details) VALUES (?, ?, ?, ?)", (stamp(at), what, subject, details)
    )
