"""Takes up what is taught while the daemon runs: the tasks it concerns start anew, the others notice nothing."""

from __future__ import annotations

import asyncio

from foureyes.daemon.composition import Composition
from foureyes.exceptions import UsageError
from foureyes.telemetry.log import event
from foureyes.telemetry.report import Report
from foureyes.vision.taught import TaughtPictures

_EVERY_S = 0.3


class TaughtWatch:
    """Looks at the list of taught pictures as often as at a screen."""

    def __init__(self, taught: TaughtPictures, composition: Composition, report: Report) -> None:
        self._taught = taught
        self._composition = composition
        self._report = report

    async def run(self) -> None:
        """Take up each change, until cancelled. What was taught between the start and now is taken up first."""
        seen: object = ()
        while True:
            version = await asyncio.to_thread(self._taught.version)
            if version != seen:
                seen = version
                await self._take_up()
            await asyncio.sleep(_EVERY_S)

    async def _take_up(self) -> None:
        try:
            async with self._composition.changing:
                settings = await asyncio.to_thread(self._taught.applied, self._composition.settings)
                if settings == self._composition.settings:
                    return
                change = await self._composition.change_to(settings)
        except UsageError as error:
            event("taught.unreadable", f"{error}; what was taught before stays in force", level="error")
        except Exception as error:  # noqa: BLE001 - a fault of ours in a change must not end the watch
            self._report(error, "taught")
            event("taught.fault", "what was taught could not be taken up", level="error", error=error)
        else:
            event("taught.taken_up", f"taught pictures are taken up: {change}", outcome="ok")
