"""The cases, kept in the spool's file: what triage knows outlives the daemon."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime
from sqlite3 import Connection, Row

from foureyes.errors.plain import moment, stamp
from foureyes.errors.spool import Spool
from foureyes.exceptions import UnknownFaultError
from foureyes.forgewright.case import Case, CaseState
from foureyes.forgewright.sighting import Sighting

REVISION_NOTE = "triage_revision"
"""Up to which change of a group triage has looked."""


class Cases:
    """The cases of one spool."""

    def __init__(self, spool: Spool) -> None:
        self._spool = spool

    def all(self, states: Iterable[CaseState] = CaseState) -> list[Case]:
        """The cases in these states, the oldest first."""
        wanted = [str(state) for state in states]
        places = ", ".join("?" * len(wanted))
        return self._found(f"WHERE state IN ({places}) ORDER BY id", *wanted)

    def find(self, name: str) -> Case:
        """The case of an id, or the last one of a fingerprint. Raises UnknownFaultError."""
        found = self._found("WHERE id = ? OR fingerprint = ? ORDER BY id DESC LIMIT 1", name, name)
        if not found:
            raise UnknownFaultError(f"no case is known as '{name}'; see `foureyes forge list`")
        return found[0]

    def last_of(self, fingerprint: str) -> Case | None:
        """The last case of a group."""
        found = self._found("WHERE fingerprint = ? ORDER BY id DESC LIMIT 1", fingerprint)
        return found[0] if found else None

    def handed_over_since(self, at: datetime) -> list[Case]:
        """Those that somebody got since then, the oldest first."""
        return self._found("WHERE handed_over_at >= ? ORDER BY id", stamp(at))

    def sighting(self, fingerprint: str) -> Sighting | None:
        """What triage remembers of a group."""
        query = "SELECT * FROM sightings WHERE fingerprint = ?"
        with self._spool.reading() as connection:
            row = connection.execute(query, (fingerprint,)).fetchone()
        return None if row is None else _sighting(row)

    def change(self, case: Case, change: Callable[[Case], Case]) -> Case:
        """Change a case as it is now, whoever else changed it meanwhile; what it became."""
        return self.change_each([case], change)[0]

    def change_each(self, cases: Iterable[Case], change: Callable[[Case], Case]) -> list[Case]:
        """Change several at once, all or none."""
        with self._spool.writing() as connection:
            return [_changed(connection, case.id, change) for case in cases]

    def keep_look(self, opened: Iterable[Case], sightings: Iterable[Sighting], revision: int) -> None:
        """Write what one look at the groups up to a revision found: all of it, or none and it is looked again."""
        with self._spool.writing() as connection:
            for case in opened:
                _put(connection, case)
            connection.executemany(
                "INSERT OR REPLACE INTO sightings VALUES (?, ?, ?, ?, ?)",
                [_values(each) for each in sightings],
            )
            connection.execute("INSERT OR REPLACE INTO notes VALUES (?, ?)", (REVISION_NOTE, str(revision)))

    def _found(self, condition: str, *values: str) -> list[Case]:
        query = f"SELECT document FROM cases {condition}"  # noqa: S608 - our own conditions
        with self._spool.reading() as connection:
            rows = connection.execute(query, values).fetchall()
        return [Case.model_validate_json(row["document"]) for row in rows]


def _changed(connection: Connection, case_id: str, change: Callable[[Case], Case]) -> Case:
    row = connection.execute("SELECT document FROM cases WHERE id = ?", (case_id,)).fetchone()
    case = change(Case.model_validate_json(row["document"]))
    _put(connection, case)
    return case


def _put(connection: Connection, case: Case) -> None:
    handed_over_at = stamp(case.handed_over_at) if case.handed_over_at else None
    values = (case.id, case.fingerprint, str(case.state), handed_over_at, case.model_dump_json())
    connection.execute("INSERT OR REPLACE INTO cases VALUES (?, ?, ?, ?, ?)", values)


def _values(sighting: Sighting) -> tuple[str | int | None, ...]:
    return (
        sighting.fingerprint, stamp(sighting.began_at), sighting.count_before, sighting.last_count, sighting.kind,
    )  # fmt: skip


def _sighting(row: Row) -> Sighting:
    counts = row["count_before"], row["last_count"]
    return Sighting(row["fingerprint"], moment(row["began_at"]), *counts, row["kind"])
