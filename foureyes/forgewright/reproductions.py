"""The reproductions of the cases: each new one gets its test and its verdict before anybody is handed it."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

from foureyes.config.triage import Reproduction
from foureyes.errors import queries
from foureyes.errors.arguments import KEPT
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import StateFolderBusyError, UnknownFaultError
from foureyes.forgewright.case import WAITING, Case, CaseState
from foureyes.forgewright.cases import Cases
from foureyes.forgewright.intake import Suppressed
from foureyes.forgewright.reproduction import platform
from foureyes.forgewright.reproduction.maker import Made, Maker
from foureyes.forgewright.reproduction.runner import command_of
from foureyes.forgewright.reproduction.verdict import Outcome, Verdict
from foureyes.telemetry.log import event

_HOUR = timedelta(hours=1)
_MB = 1_000_000
_LIMIT = "reproduction_limit"
_LOOKED_AT_EVENTS = 20


class Reproductions:
    """Makes the reproductions of one state folder, one at a time."""

    def __init__(
        self,
        state_dir: Path,
        settings: Reproduction,
        *,
        suppressed: Suppressed,
        utcnow: Callable[[], datetime],
    ) -> None:
        self._state_dir = state_dir
        self._settings = settings
        self._maker = Maker(state_dir, settings)
        self._suppressed = suppressed
        self._utcnow = utcnow
        self._told: set[str] = set()

    async def make_waiting(self) -> list[Case]:
        """Make those of the cases that have none and wait to be handed over; the cases as they are then."""
        if not self._settings.enabled:
            return []
        made = [await self._made(case) for case in await asyncio.to_thread(self._due)]
        return [case for case in made if case.reproduction is not None]

    async def make(self, name: str) -> Made:
        """Make the one of a group anew, by its fingerprint or an event's id; its case, if any, is told.

        Raises UnknownFaultError, StateFolderBusyError, or OSError where it cannot be written.
        """
        document, case = await asyncio.to_thread(self._found, name)
        made = await self._maker.make(document)
        if case is not None:
            await asyncio.to_thread(self._note, case, made)
        return made

    def remove_old(self) -> None:
        """Remove what is too old or too much."""
        oldest_s = (self._utcnow() - timedelta(days=self._settings.keep_days)).timestamp()
        with contextlib.suppress(OSError):  # the next time
            platform.remove_old(self._state_dir, oldest_s=oldest_s, max_bytes=self._settings.max_mb * _MB)

    def _due(self) -> list[Case]:
        """The most urgent without one, as many as are left in this hour; the others are counted once."""
        with Spool(spool_file(self._state_dir)) as spool:
            waiting = [case for case in Cases(spool).all(WAITING) if case.reproduction is None]
        waiting.sort(key=lambda case: (case.priority.rank, case.id))
        since_s = (self._utcnow() - _HOUR).timestamp()
        left = max(0, self._settings.most_an_hour - platform.made_since(self._state_dir, since_s))
        for case in waiting[left:]:
            if case.id not in self._told:
                self._told.add(case.id)
                self._suppressed(_LIMIT, case.fingerprint)
        return waiting[:left]

    async def _made(self, case: Case) -> Case:
        try:
            document = await asyncio.to_thread(self._document, case)
            made = await self._maker.make(document)
        except StateFolderBusyError:
            return case  # a person has one made just now: the next turn
        except (UnknownFaultError, OSError) as error:
            made = Made(None, Verdict(Outcome.NOT_REPRODUCIBLE, f"no test could be written: {error}", 0.0))
        return await asyncio.to_thread(self._note, case, made)

    def _note(self, case: Case, made: Made) -> Case:
        with Spool(spool_file(self._state_dir)) as spool:
            case = Cases(spool).change(case, lambda now: _with(now, made))
            spool.audit(self._utcnow(), "reproduction", case.id, str(made.verdict.outcome))
        text = f"case {case.id}: {made.verdict}"
        event(
            "triage.reproduction",
            text,
            case=case.id,
            outcome=str(made.verdict.outcome),
            duration_ms=round(made.verdict.seconds * 1000),
        )
        return case

    def _found(self, name: str) -> tuple[Mapping[str, Any], Case | None]:
        with Spool(spool_file(self._state_dir)) as spool:
            group = queries.find_group(spool, name)
            case = Cases(spool).last_of(group.fingerprint)
            return _best(queries.events_of(spool, group.fingerprint, _LOOKED_AT_EVENTS), name), case

    def _document(self, case: Case) -> Mapping[str, Any]:
        with Spool(spool_file(self._state_dir)) as spool:
            return _best(queries.events_of(spool, case.fingerprint, _LOOKED_AT_EVENTS), case.error_id)


def _best(events: list[dict[str, Any]], name: str) -> Mapping[str, Any]:
    """The event of this id where what its calls were made with is kept, else the newest of which it is."""
    if not events:
        raise UnknownFaultError("none of its events is kept any more")
    named = [document for document in events if document["id"] == name]
    kept = [document for document in [*named, *events] if _has_arguments(document)]
    return (kept or named or events)[0]


def _has_arguments(document: Mapping[str, Any]) -> bool:
    context = document.get("context")
    return isinstance(context, Mapping) and context.get("arguments") == KEPT


def _with(case: Case, made: Made) -> Case:
    """The case with its reproduction; one that somebody has already stays where it stands."""
    if made.test_file is None:
        return case.changed(reproduction=made.verdict)
    run = command_of(made.test_file)
    known = tuple(command for command in case.how_to_run if command[-1] != run[-1])
    case = case.changed(reproduction=made.verdict, platform_path=str(made.test_file), how_to_run=(*known, run))
    return case.moved(CaseState.PLATFORM_READY) if case.state is CaseState.NEW else case
