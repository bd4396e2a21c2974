"""The history of requests to models: minutes in a small SQLite file of the state folder, kept across restarts."""

from __future__ import annotations

import sqlite3
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import astuple
from pathlib import Path
from typing import Any

from foureyes.exceptions import HistoryError
from foureyes.telemetry.aggregates import Row, Tally, Tokens, aggregated, by_hour, moment_of, tokens_per_s
from foureyes.telemetry.log import event

MOST_HOURS = 720
"""Thirty days: what is older goes."""
_MOST_ROWS = 400_000
_MOST_WAITING = 20_000
_AHEAD_MINUTES = 60  # a clock that was wrong for a while: what it dated further into the future goes
_BUSY_S = 2.0
_DAMAGED = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_SUMS = ("requests", "answered_s", "counted", "counted_s", "prompt_tokens", "completion_tokens")

_TABLE = f"""
CREATE TABLE IF NOT EXISTS minutes (
    minute INTEGER NOT NULL, task TEXT NOT NULL, outcome TEXT NOT NULL,
    {", ".join(f"{name} NUMERIC NOT NULL" for name in _SUMS)},
    PRIMARY KEY (minute, task, outcome)
) WITHOUT ROWID
"""
_ADDED = ", ".join(f"{name} = {name} + excluded.{name}" for name in _SUMS)
_ADD = f"INSERT INTO minutes VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET {_ADDED}"  # noqa: S608 - our own names
_Key = tuple[int, str, str]


def history_file(state_dir: Path) -> Path:
    """Where the history of a state folder is."""
    return state_dir / "metrics.db"


class History:
    """Notes requests in memory, from any thread, at once; `save` and `aggregates` wait for the disk.

    What the disk does not take is kept for the next time, within a bound.
    """

    def __init__(self, file: Path, *, now: Callable[[], float] = time.time) -> None:
        """`now` gives seconds since 1970."""
        self._file = file
        self._now = now
        self._waiting: dict[_Key, Tally] = {}
        self._noting, self._writing = threading.Lock(), threading.Lock()
        self._failing = False
        self._pruned_hour = 0

    def note(self, task: str, outcome: str, seconds: float | None, tokens: Tokens | None) -> bool:
        """Note one request that has ended; whether there was room for it."""
        key = (self._minute(), task, outcome)
        with self._noting:
            if key not in self._waiting and len(self._waiting) >= _MOST_WAITING:
                return False
            self._waiting[key] = self._waiting.get(key, Tally()) + Tally.of(seconds, tokens)
        return True

    def save(self) -> None:
        """Write what was noted. Where that cannot be done it is said once, and tried again the next time."""
        if not self._waiting:
            return
        try:
            with self._opened() as connection:
                self._write(connection)
        except HistoryError as error:
            self._say(error)
        else:
            self._say(None)

    def aggregates(self, hours: float) -> dict[str, Any]:
        """The figures of the last `hours` (over 0, at most 720), up to now. Raises HistoryError."""
        until = self._minute()
        since = min(until - round(hours * 60) + 1, until)
        with self._opened() as connection:
            self._write(connection)
            oldest = connection.execute("SELECT min(minute) FROM minutes").fetchone()[0]
            asked = _rows(connection, since, until)
            last_day = _rows(connection, until - 24 * 60, until, "minute / 60, ")
            last_minute = _rows(connection, until - 1, until - 1)
        return {
            "hours": hours,
            "from": moment_of(since),
            "to": moment_of(until),
            "kept_since": None if oldest is None else moment_of(oldest),
            **aggregated(asked),
            "tokens_per_s": tokens_per_s(last_minute),
            "last_24h": by_hour(last_day, until),
        }

    def _minute(self) -> int:
        return int(self._now() // 60)

    @contextmanager
    def _opened(self) -> Iterator[sqlite3.Connection]:
        """The file, by one thread at a time. Raises HistoryError; a damaged one is set aside."""
        with self._writing:
            try:
                self._file.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                connection = sqlite3.connect(self._file, timeout=_BUSY_S, isolation_level=None)
                try:
                    connection.execute("PRAGMA journal_mode = WAL")
                    connection.execute("PRAGMA synchronous = NORMAL")  # the last seconds may go with the power
                    connection.execute(_TABLE)
                    yield connection
                finally:
                    connection.close()
            except (sqlite3.Error, OSError) as error:
                aside = self._set_aside(error)
                raise HistoryError(f"{self._file} cannot be used: {error}{aside}") from error

    def _write(self, connection: sqlite3.Connection) -> None:
        """Write what waits, and have too old and too many rows go; what is not written waits on."""
        with self._noting:
            taken, self._waiting = self._waiting, {}
        try:
            connection.execute("BEGIN IMMEDIATE")
            connection.executemany(_ADD, [(*key, *astuple(tally)) for key, tally in taken.items()])
            if (hour := self._minute() // 60) != self._pruned_hour:
                _prune(connection, self._minute())
                self._pruned_hour = hour
            connection.execute("COMMIT")
        except sqlite3.Error:
            self._take_back(taken)
            raise

    def _take_back(self, taken: dict[_Key, Tally]) -> None:
        with self._noting:
            for key, tally in self._waiting.items():
                taken[key] = taken.get(key, Tally()) + tally
            self._waiting = taken

    def _set_aside(self, error: Exception) -> str:
        if not isinstance(error, sqlite3.Error) or getattr(error, "sqlite_errorcode", 0) & 0xFF not in _DAMAGED:
            return ""
        aside = self._file.with_name(self._file.name + ".damaged")
        for suffix in ("-wal", "-shm"):
            self._file.with_name(self._file.name + suffix).unlink(missing_ok=True)
        self._file.replace(aside)
        return f"; it is set aside as {aside.name}, and a new one begins"

    def _say(self, error: HistoryError | None) -> None:
        if (error is not None) != self._failing:
            self._failing = error is not None
            text = "the history of requests is written again" if error is None else f"it waits in memory: {error}"
            event("metrics.history", text, level="info" if error is None else "warning")


def _rows(connection: sqlite3.Connection, since: int, until: int, each: str = "") -> list[Row]:
    """The sums by task and outcome from one minute to another, both of them with it; `each` parts them further."""
    sums = ", ".join(f"sum({name})" for name in _SUMS)
    found = connection.execute(
        f"SELECT min(minute), task, outcome, {sums} FROM minutes "  # noqa: S608 - our own names
        f"WHERE minute BETWEEN ? AND ? GROUP BY {each} task, outcome",
        (since, until),
    )
    return [Row(minute, task, outcome, Tally(*numbers)) for minute, task, outcome, *numbers in found]


def _prune(connection: sqlite3.Connection, now_minute: int) -> None:
    bounds = (now_minute - MOST_HOURS * 60, now_minute + _AHEAD_MINUTES)
    connection.execute("DELETE FROM minutes WHERE minute NOT BETWEEN ? AND ?", bounds)
    connection.execute(
        "DELETE FROM minutes WHERE minute <= (SELECT minute FROM minutes ORDER BY minute DESC LIMIT 1 OFFSET ?)",
        (_MOST_ROWS,),
    )
