"""Triage: looks at faults as they are recorded and hands over what they call for; in the daemon or by command."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import AbstractContextManager, asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from foureyes.config.triage import Triage as TriageSettings
from foureyes.errors.spool import Spool, spool_file
from foureyes.exceptions import FourEyesError, SpoolError, StateFolderBusyError
from foureyes.forgewright.case import Case
from foureyes.forgewright.claim import claimed
from foureyes.forgewright.dispatch import Dispatch
from foureyes.forgewright.handover.command import Command
from foureyes.forgewright.handover.folder import Folder
from foureyes.forgewright.handover.target import Target
from foureyes.forgewright.handover.webhook import Webhook
from foureyes.forgewright.intake import Intake
from foureyes.forgewright.reproductions import Reproductions
from foureyes.forgewright.verification.effect import settle
from foureyes.forgewright.verification.fixes import Fixes
from foureyes.forgewright.verification.project import runs_from
from foureyes.telemetry.log import event
from foureyes.telemetry.report import Report, report_to_nobody

_WORKS = ("cases", "reproductions", "hand-overs", "fixes")
_GATHER_S = 0.1


@dataclass(frozen=True)
class Outcome:
    """What one run through the spool did."""

    opened: list[Case]
    reproduced: list[Case]
    """Those whose reproduction was made, whatever it showed."""
    tried: list[Case]
    fixed: list[Case]
    verified: list[Case]
    """Those whose fix was tried, whatever came of it."""


class Triage:
    """The triage of one state folder. Whoever does it holds a lock, so that nothing is handed over twice."""

    def __init__(
        self,
        state_dir: Path,
        settings: TriageSettings,
        *,
        dropped: Callable[[str, str], None],
        report: Report = report_to_nobody,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """`dropped` counts what triage leaves out, as dropped("triage", reason); `report` gets its own faults."""
        self._state_dir = state_dir.absolute()
        self._settings = settings
        self._dropped = dropped
        self._report = report
        self._utcnow = utcnow
        self._began_at = utcnow()
        self._dispatch = Dispatch(
            self._state_dir, settings, targets_of(settings), suppressed=self._suppressed, utcnow=utcnow
        )
        self.reproductions = Reproductions(
            self._state_dir, settings.reproduction, suppressed=self._suppressed, utcnow=utcnow
        )
        self._woken = {work: asyncio.Event() for work in _WORKS}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._fixes = Fixes(self._state_dir, settings, utcnow=utcnow)
        self._failing: set[str] = set()

    async def run(self) -> None:
        """Work until cancelled. A command that takes its time does not hold up the look at new faults."""
        self._loop = asyncio.get_running_loop()
        async with self._alone(), asyncio.TaskGroup() as group:
            group.create_task(self._again_and_again("cases", self._look), name="triage intake")
            group.create_task(self._again_and_again("reproductions", self._reproduce), name="triage reproductions")
            group.create_task(self._again_and_again("hand-overs", self._hand_over), name="triage hand-overs")
            group.create_task(self._again_and_again("fixes", self._verify), name="triage fixes")

    async def run_once(self) -> Outcome:
        """Work through all that is there, also through what failed often enough already.

        Raises StateFolderBusyError where another process does, or a SpoolError leaf.
        """
        with self._claimed():
            opened = await asyncio.to_thread(self._take_in)
            reproduced = await self.reproductions.make_waiting()
            tried = await self._dispatch.hand_over(patient=False)
            fixed = await asyncio.to_thread(self._fixes.notice)
            return Outcome(opened, reproduced, tried, fixed, await self._fixes.verify_proposed())

    def wake(self) -> None:
        """Look at the faults now, not at the next turn. May be called from any thread, also when nothing runs."""
        if self._loop is not None:
            with contextlib.suppress(RuntimeError):  # the loop has ended, and nothing is to be looked at any more
                self._loop.call_soon_threadsafe(self._woken["cases"].set)

    async def _look(self) -> None:
        if await asyncio.to_thread(self._take_in):
            self._woken["reproductions"].set()

    async def _reproduce(self) -> None:
        if await self.reproductions.make_waiting():
            self._woken["hand-overs"].set()
        await asyncio.to_thread(self.reproductions.remove_old)

    async def _hand_over(self) -> None:
        if await self._dispatch.hand_over():
            self._woken["fixes"].set()
        await asyncio.to_thread(self._dispatch.remove_old)

    async def _verify(self) -> None:
        await asyncio.to_thread(self._fixes.notice)
        await self._fixes.verify_proposed()

    async def _again_and_again(self, what: str, step: Callable[[], Awaitable[None]]) -> None:
        while True:
            if spool_file(self._state_dir).exists():
                try:
                    await step()
                except SpoolError as error:
                    self._say(what, error)
                except Exception as error:  # noqa: BLE001 - one bad case must not end the triage of all others
                    self._report(error, "triage")
                else:
                    self._say(what, None)
            await self._rest(self._woken[what])

    async def _rest(self, woken: asyncio.Event) -> None:
        """Wait for the next turn, or until there is something to do; of a storm for more of it."""
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(self._settings.check_s):
                await woken.wait()
                await asyncio.sleep(_GATHER_S)
        woken.clear()

    def _take_in(self) -> list[Case]:
        with Spool(spool_file(self._state_dir)) as spool:
            if runs_from(self._settings.project):
                settle(spool, self._began_at, self._utcnow())
            intake = Intake(
                spool, self._settings, self._state_dir, suppressed=self._suppressed, utcnow=self._utcnow
            )
            return intake.look()

    def _suppressed(self, reason: str, fingerprint: str) -> None:
        self._dropped("triage", reason)
        event("triage.suppressed", f"group {fingerprint}: {reason}", level="debug", reason=reason)

    def _say(self, what: str, error: FourEyesError | None) -> None:
        """Say once that triage cannot work, and once that it can again."""
        if error is not None and what not in self._failing:
            self._failing.add(what)
            event("triage.failing", f"triage has to wait with {what}: {error}", level="warning")
        elif error is None and what in self._failing:
            self._failing.discard(what)
            event("triage.recovered", f"triage goes on with {what}")

    @asynccontextmanager
    async def _alone(self) -> AsyncIterator[None]:
        """Hold the lock, waited for while a command holds it."""
        while True:
            try:
                with self._claimed():
                    self._say("all of its work", None)
                    yield
                    return
            except (StateFolderBusyError, SpoolError) as error:
                self._say("all of its work", error)
                await asyncio.sleep(self._settings.check_s)

    def _claimed(self) -> AbstractContextManager[None]:
        """Raises StateFolderBusyError, or SpoolUnwritableError where there can be no lock."""
        return claimed(self._state_dir / "errors" / "forge.lock", f"the triage of {self._state_dir}")


def targets_of(settings: TriageSettings) -> list[Target]:
    """To whom cases are handed."""
    targets: list[Target] = []
    if settings.folder is not None:
        targets.append(Folder(settings.folder))
    if settings.webhook is not None:
        targets.append(Webhook(settings.webhook))
    if settings.command is not None:
        targets.append(Command(settings.command, settings.command_timeout_s))
    return targets
