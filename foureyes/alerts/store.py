"""What outlives a restart: troubles that were told, notices that wait, and the last ones; one file."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from foureyes.alerts.notice import Notice
from foureyes.telemetry.log import event
from foureyes.whole_file import write_whole

_MAX_BYTES = 64 * 1024 * 1024


@dataclass(frozen=True)
class Kept:
    """All that is kept. `told` is as the judge's `active()` gave it."""

    told: list[dict[str, Any]] = field(default_factory=list)
    last: list[Notice] = field(default_factory=list)
    waiting: dict[str, list[Notice]] = field(default_factory=dict)
    """By channel, the oldest first."""


def alerts_file(state_dir: Path) -> Path:
    """Where the alerts of a state folder are."""
    return state_dir / "alerts.json"


def load(file: Path) -> Kept:
    """What was kept; nothing, said once, where the file cannot be used."""
    try:
        if not file.exists():
            return Kept()
        with file.open("rb") as stream:
            return _kept(json.loads(stream.read(_MAX_BYTES)))
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        text = f"{file} cannot be read, so what was told before is not known: {error}"
        event("alerts.forgotten", text, level="error")
        return Kept()


def save(file: Path, kept: Kept) -> None:
    """Write it. Raises OSError."""
    document = {
        "told": kept.told,
        "last": [notice.as_dict() for notice in kept.last],
        "waiting": {name: [notice.as_dict() for notice in notices] for name, notices in kept.waiting.items()},
    }
    write_whole(file, json.dumps(document, ensure_ascii=False, allow_nan=False).encode(), mode=0o600)


def _kept(document: Mapping[str, Any]) -> Kept:
    told = [dict(entry) for entry in document["told"]]
    for entry in told:
        datetime.fromisoformat(entry["since"])
        _ = entry["rule"], entry["subject"], entry["severity"], entry["title"], entry["reason"]
    return Kept(
        told=told,
        last=[Notice.from_dict(entry) for entry in document["last"]],
        waiting={
            str(name): [Notice.from_dict(entry) for entry in entries]
            for name, entries in document["waiting"].items()
        },
    )
