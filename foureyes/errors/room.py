"""Room in the spool: what goes when it is too large or too old; never the only copy of a group's first event."""

from __future__ import annotations

import sqlite3
from datetime import datetime, timedelta

from foureyes.errors.plain import stamp
from foureyes.errors.spool import Spool

_FULL, _ENOUGH = 0.9, 0.8
_AT_ONCE = 100

_OLD = "SELECT id FROM events WHERE is_first = 0 AND at < ? LIMIT ?"
_DUPLICATES = "SELECT id FROM events WHERE is_first = 0 ORDER BY id LIMIT ?"
_SENT_FIRSTS = (
    "SELECT id FROM events WHERE is_first = 1 AND id NOT IN (SELECT event_id FROM outbox) "
    "AND id NOT IN (SELECT event_id FROM dead_letters) ORDER BY id LIMIT ?"
)


def remove_old(spool: Spool, now: datetime, keep_days: float) -> int:
    """Remove the duplicates that are too old; how many."""
    oldest = stamp(now - timedelta(days=keep_days))
    removed = 0
    while True:
        with spool.writing() as connection:
            ids = _ids(connection, _OLD, oldest)
            _remove(connection, ids)
        removed += len(ids)
        if len(ids) < _AT_ONCE:
            return removed


def make_room(spool: Spool, max_bytes: int) -> tuple[int, bool]:
    """Bring a spool that is nearly full below its bound; how many events went, and whether there is room now.

    Duplicates go first, the oldest first; then first events that MongoDB has. Where neither is left it stays full.
    """
    removed = 0
    if used_bytes(spool) <= max_bytes * _FULL:
        return 0, True
    while used_bytes(spool) > max_bytes * _ENOUGH:
        with spool.writing() as connection:
            ids = _ids(connection, _DUPLICATES) or _ids(connection, _SENT_FIRSTS)
            _remove(connection, ids)
        removed += len(ids)
        if not ids:
            break
    return removed, used_bytes(spool) <= max_bytes * _FULL


def used_bytes(spool: Spool) -> int:
    """What the spool's pages in use come to: the file keeps its size, and its free pages are used again."""
    with spool.reading() as connection:
        pages, free, size = (
            connection.execute(f"PRAGMA {name}").fetchone()[0]
            for name in ("page_count", "freelist_count", "page_size")
        )
    return int((pages - free) * size)


def _ids(connection: sqlite3.Connection, query: str, *values: str) -> list[tuple[str]]:
    return [(row["id"],) for row in connection.execute(query, (*values, _AT_ONCE))]


def _remove(connection: sqlite3.Connection, ids: list[tuple[str]]) -> None:
    connection.executemany("DELETE FROM outbox WHERE event_id = ?", ids)
    connection.executemany("DELETE FROM dead_letters WHERE event_id = ?", ids)
    connection.executemany("DELETE FROM events WHERE id = ?", ids)
