"""The spool's SQLite file: opened, checked, brought to today's schema; a damaged one is set aside and kept."""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from pathlib import Path

from foureyes.exceptions import SpoolCorruptError, SpoolError, SpoolUnwritableError, SpoolVersionError

_BUSY_S = 5.0
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}

MIGRATIONS = (
    """
    CREATE TABLE groups (
        fingerprint TEXT PRIMARY KEY, type TEXT NOT NULL, message TEXT NOT NULL, component TEXT NOT NULL,
        severity TEXT NOT NULL, bug_class TEXT NOT NULL, first_seen TEXT NOT NULL, last_seen TEXT NOT NULL,
        first_event TEXT NOT NULL, last_event TEXT NOT NULL, count INTEGER NOT NULL, status TEXT NOT NULL,
        resolved_at TEXT, muted_until TEXT, muted_until_count INTEGER, revision INTEGER NOT NULL
    );
    CREATE UNIQUE INDEX groups_by_revision ON groups (revision);
    CREATE INDEX groups_by_last_seen ON groups (last_seen);
    CREATE TABLE events (
        id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, at TEXT NOT NULL, is_first INTEGER NOT NULL,
        resolved_at TEXT, document TEXT NOT NULL
    );
    CREATE INDEX events_of_group ON events (fingerprint, id);
    CREATE INDEX events_by_rank ON events (is_first, id);
    CREATE TABLE outbox (sequence INTEGER PRIMARY KEY AUTOINCREMENT, event_id TEXT NOT NULL UNIQUE);
    CREATE TABLE dead_letters (event_id TEXT PRIMARY KEY, reason TEXT NOT NULL, at TEXT NOT NULL);
    CREATE TABLE notes (name TEXT PRIMARY KEY, value TEXT NOT NULL);
    """,
    """
    CREATE TABLE audit (
        sequence INTEGER PRIMARY KEY AUTOINCREMENT, at TEXT NOT NULL, what TEXT NOT NULL, subject TEXT NOT NULL,
        details TEXT NOT NULL
    );
    """,
    """
    CREATE TABLE cases (
        id TEXT PRIMARY KEY, fingerprint TEXT NOT NULL, state TEXT NOT NULL, handed_over_at TEXT,
        document TEXT NOT NULL
    );
    CREATE INDEX cases_of_group ON cases (fingerprint, id);
    CREATE INDEX cases_by_state ON cases (state, id);
    CREATE INDEX cases_by_hand_over ON cases (handed_over_at);
    CREATE TABLE sightings (
        fingerprint TEXT PRIMARY KEY, began_at TEXT NOT NULL, count_before INTEGER NOT NULL,
        last_count INTEGER NOT NULL
    );
    """,
    """
    ALTER TABLE sightings ADD COLUMN kind TEXT;
    CREATE TABLE decisions (
        id TEXT PRIMARY KEY, cause TEXT NOT NULL UNIQUE, document TEXT NOT NULL, is_sent INTEGER NOT NULL DEFAULT 0
    );
    CREATE INDEX decisions_by_sending ON decisions (is_sent, id);
    """,
)
"""Each step brings the schema one version further; the version is SQLite's own user_version."""


def opened(file: Path, *, check: bool) -> sqlite3.Connection:
    """Open the spool, made or brought up to date where need be; `check` reads all of it for damage.

    Raises SpoolUnwritableError, SpoolCorruptError or SpoolVersionError.
    """
    with translated(file):
        file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
        connection = sqlite3.connect(file, timeout=_BUSY_S, isolation_level=None, check_same_thread=False)
        try:
            _prepare(connection, file, check=check)
        except BaseException:
            connection.close()
            raise
    return connection


def _prepare(connection: sqlite3.Connection, file: Path, *, check: bool) -> None:
    connection.row_factory = sqlite3.Row
    connection.execute("PRAGMA journal_mode = WAL")
    connection.execute("PRAGMA synchronous = FULL")
    if check and (found := connection.execute("PRAGMA quick_check(1)").fetchone()[0]) != "ok":
        raise SpoolCorruptError(f"{file} is damaged: {found}")
    _migrate(connection, file)


def _migrate(connection: sqlite3.Connection, file: Path) -> None:
    if _version(connection) == len(MIGRATIONS):
        return
    with transaction(connection):  # whoever else opens the file now waits, and finds it done
        version = _version(connection)
        if version > len(MIGRATIONS):
            raise SpoolVersionError(
                f"{file} has version {version}, and this FourEyes knows {len(MIGRATIONS)}: "
                f"install the newer FourEyes again, or move the file away"
            )
        for statement in ";".join(MIGRATIONS[version:]).split(";"):
            connection.execute(statement)
        connection.execute(f"PRAGMA user_version = {len(MIGRATIONS)}")


def _version(connection: sqlite3.Connection) -> int:
    return int(connection.execute("PRAGMA user_version").fetchone()[0])


@contextmanager
def translated(file: Path) -> Iterator[None]:
    """Raise SQLite's errors, and the folder's, as ours."""
    try:
        yield
    except sqlite3.Error as error:
        if getattr(error, "sqlite_errorcode", 0) & 0xFF in _DAMAGED:
            raise SpoolCorruptError(f"{file} is damaged: {error}") from error
        if isinstance(error, sqlite3.OperationalError):
            raise SpoolUnwritableError(f"{file} cannot be used: {error}") from error
        raise SpoolError(f"{file} cannot be used: {error}") from error
    except OSError as error:
        raise SpoolUnwritableError(f"{file} cannot be used: {error.strerror or error}") from error


@contextmanager
def transaction(connection: sqlite3.Connection) -> Iterator[None]:
    """All or nothing, on disk when the block is left."""
    connection.execute("BEGIN IMMEDIATE")
    try:
        yield
        connection.execute("COMMIT")
    except BaseException:
        if connection.in_transaction:
            connection.execute("ROLLBACK")
        raise


def set_aside(file: Path) -> Path:
    """Move a damaged spool out of the way, with all that belongs to it; where it is now."""
    when = datetime.now(UTC).strftime("%Y%m%dT%H%M%S.%fZ")
    with translated(file):
        for suffix in ("", "-wal", "-shm"):
            part = file.with_name(file.name + suffix)
            if part.exists():
                part.rename(file.with_name(f"{file.name}.corrupt-{when}{suffix}"))
    return file.with_name(f"{file.name}.corrupt-{when}")
