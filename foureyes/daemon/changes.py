"""Since when each part stands as it does: looked at once a second, each change told as a live event."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from foureyes.errors.plain import stamp

_EVERY_S = 1.0
_SHARE = 50
"""With a thousand sources it is looked at more seldom: at most one fiftieth of the time goes into it."""

Components = Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True)
class _Standing:
    state: str
    since: str


class Changes:
    """Remembers the state of each component and since when it is in it."""

    def __init__(
        self,
        tell: Callable[[str, Mapping[str, Any]], None],
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self._tell = tell
        self._utcnow = utcnow
        self._standing: dict[str, _Standing] = {}

    def note(self, components: Components) -> dict[str, dict[str, Any]]:
        """The components, each with `since`; what has changed is told."""
        before, now = self._standing, stamp(self._utcnow())
        self._standing = {name: _stood(before.get(name), part["state"], now) for name, part in components.items()}
        for name, standing in self._standing.items():
            if name in before and before[name].state != standing.state:
                self._say(name, before[name], standing, components[name].get("reason"))
        return {name: {**part, "since": self._standing[name].since} for name, part in components.items()}

    async def run(self, look: Callable[[], object]) -> None:
        """Have it looked for ever, so that a change is noted when nobody asks; `look` calls `note`."""
        while True:
            began_s = time.monotonic()
            look()
            await asyncio.sleep(max(_EVERY_S, _SHARE * (time.monotonic() - began_s)))

    def _say(self, name: str, before: _Standing, now: _Standing, reason: str | None) -> None:
        change = {"component": name, "before": before.state, "state": now.state, "since": now.since}
        self._tell("state", {**change, "reason": reason})


def _stood(before: _Standing | None, state: str, now: str) -> _Standing:
    return before if before is not None and before.state == state else _Standing(str(state), now)
