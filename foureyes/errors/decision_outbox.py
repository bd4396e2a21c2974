"""The decisions of triage that MongoDB has not got. They are taken elsewhere; here they are documents."""

from __future__ import annotations

import json
from collections.abc import Iterable
from typing import Any

from foureyes.errors.spool import Spool


def unsent_decisions(spool: Spool, limit: int) -> list[dict[str, Any]]:
    """The oldest of them, the oldest first; moments are text."""
    query = "SELECT document FROM decisions WHERE is_sent = 0 ORDER BY id LIMIT ?"
    with spool.reading() as connection:
        return [json.loads(row["document"]) for row in connection.execute(query, (limit,))]


def acknowledge_decisions(spool: Spool, ids: Iterable[str]) -> None:
    """MongoDB has these."""
    with spool.writing() as connection:
        connection.executemany("UPDATE decisions SET is_sent = 1 WHERE id = ?", [(name,) for name in ids])
