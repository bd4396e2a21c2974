"""Pauses of the looking, one a source: in force at once, kept over a restart, ended by their time."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Collection, Mapping
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

from pydantic import AwareDatetime, BaseModel, ConfigDict, RootModel, ValidationError

from foureyes.exceptions import UsageError
from foureyes.telemetry.audit import Audit
from foureyes.telemetry.log import event
from foureyes.whole_file import write_whole

_FILE = "paused.json"
_MOST = 1000

Tell = Callable[[str, Mapping[str, Any]], None]


def _utcnow() -> datetime:
    return datetime.now(UTC)


class Pause(BaseModel):
    """Why a source is not looked at."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    who: str
    since: AwareDatetime
    until: AwareDatetime | None
    """None: until somebody has it go on."""

    def __str__(self) -> str:
        until = "" if self.until is None else f", until {_shown(self.until)}"
        return f"paused by {self.who} at {_shown(self.since)}{until}"


def _shown(moment: datetime) -> str:
    return f"{moment.astimezone(UTC):%Y-%m-%d %H:%M:%S} UTC"


_Kept = RootModel[dict[str, Pause]]


@dataclass(frozen=True)
class _Held:
    """A pause, and when it ends on the monotonic clock, which nobody sets."""

    pause: Pause
    ends_mono_s: float | None


class Pauses:
    """The pauses of one daemon. `why` may be asked from anywhere, at any time."""

    def __init__(
        self,
        folder: Path,
        sources: Callable[[], Collection[str]],
        tell: Tell,
        audit: Audit,
        *,
        now: Callable[[], float] = time.monotonic,
        utcnow: Callable[[], datetime] = _utcnow,
    ) -> None:
        """`sources` names those that there are; `tell` gets each change as a live event."""
        self._file = folder / _FILE
        self._sources = sources
        self._tell = tell
        self._audit = audit
        self._now = now
        self._utcnow = utcnow
        self._changing = asyncio.Lock()
        self._held = {source: self._hold(pause) for source, pause in _kept(self._file).items()}

    def why(self, source: str) -> str | None:
        """Since when, until when and by whom a source is paused; None while it is looked at."""
        held = self._held.get(source)
        return None if held is None or self._is_over(held) else str(held.pause)

    def document(self) -> dict[str, Any]:
        """The pauses in force, by source."""
        return {
            source: held.pause.model_dump(mode="json")
            for source, held in self._held.items()
            if not self._is_over(held)
        }

    async def pause(self, source: str | None, for_s: float | None, who: str) -> dict[str, Any]:
        """Pause a source, or all that there are, for a while or until `resume`; the pauses in force then.

        Raises UsageError where there is no such source or the pause cannot be kept.
        """
        since = self._utcnow()
        until = None if for_s is None else since + timedelta(seconds=for_s)
        held = self._hold(Pause(who=who, since=since, until=until))
        return await self._change("pause", who, lambda names: {**self._held, **dict.fromkeys(names, held)}, source)

    async def resume(self, source: str | None, who: str) -> dict[str, Any]:
        """Look at a source again, or at all; the pauses in force then. Raises UsageError as `pause` does."""

        def without(names: Collection[str]) -> dict[str, _Held]:
            return {name: held for name, held in self._held.items() if source is not None and name not in names}

        return await self._change("resume", who, without, source)

    async def _change(
        self,
        what: str,
        who: str,
        changed: Callable[[Collection[str]], dict[str, _Held]],
        source: str | None,
    ) -> dict[str, Any]:
        async with self._changing:
            names, before = self._named(source), self.document()
            held = {name: each for name, each in changed(names).items() if not self._is_over(each)}
            await asyncio.to_thread(self._keep, held)
            self._held = held
            after = self.document()
            if after != before:
                self._tell("pause", {"what": what, "who": who, "sources": after})
                await asyncio.to_thread(self._audit.record, who, f"{what} {', '.join(names)}", before, after)
        return after

    def _named(self, source: str | None) -> list[str]:
        known = list(self._sources())
        if source is None:
            return known[:_MOST]
        if source not in known:
            raise UsageError(f"there is no source {source!r}; known sources: {', '.join(known)}")
        return [source]

    def _hold(self, pause: Pause) -> _Held:
        if pause.until is None:
            return _Held(pause, None)
        return _Held(pause, self._now() + (pause.until - self._utcnow()).total_seconds())

    def _is_over(self, held: _Held) -> bool:
        return held.ends_mono_s is not None and self._now() >= held.ends_mono_s

    def _keep(self, held: Mapping[str, _Held]) -> None:
        """Have the pauses outlive us, wholly or not at all."""
        text = _Kept({source: each.pause for source, each in held.items()}).model_dump_json()
        try:
            write_whole(self._file, text.encode())
        except OSError as error:
            reason = f"{self._file} cannot be written ({error.strerror}), so that a restart would forget it"
            raise UsageError(f"nothing was changed: {reason}") from error


def _kept(file: Path) -> dict[str, Pause]:
    """What was in force when a daemon last lived here; nothing where that cannot be read, which is said."""
    try:
        return _Kept.model_validate_json(file.read_bytes()).root
    except FileNotFoundError:
        return {}
    except (OSError, ValidationError) as error:
        text = f"the pauses in {file} cannot be read, so that every source is looked at: {error}"
        event("looking.forgotten", text, level="error")
        return {}
