"""The watchdog of systemd: fed by the progress of looking, and by nothing else.

At half of systemd's period every watch is asked whether its capture loop still goes round. A turn ends with a
frame or with an error that was handled: a source that is away, refuses or times out keeps the loop going, and the
watchdog is fed, since a restart of ours would not bring OBS back. A call that never returns ends no turn. When one
has lasted longer than any turn of that source may take (`SourceWatch.stuck_s`: a clock may be as slow as a look in
ten seconds, a source's own timeouts may be long) the feeding ends, and systemd restarts us a period after the last
feed. An event loop that stands still feeds nothing either, since this runs in it.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable, MutableMapping
from typing import Protocol

from foureyes.service.notify import Notifier
from foureyes.telemetry.log import event


class Looking(Protocol):
    """The watch of one source, as far as it matters here."""

    id: str

    def stuck_s(self) -> float | None:
        """For how long its loop stands in one turn; None while it goes round, or has ended."""
        ...


class Watchdog:
    """Feeds at half of `period_s` while none of the watches is stuck."""

    def __init__(self, notifier: Notifier, period_s: float, watches: Callable[[], Iterable[Looking]]) -> None:
        self._notifier = notifier
        self._period_s = period_s
        self._watches = watches
        self._starving = False

    async def run(self) -> None:
        """Feed until cancelled."""
        while True:
            self.beat()
            await asyncio.sleep(self._period_s / 2)

    def beat(self) -> None:
        """Feed, or say once why not."""
        stuck = [(watch.id, stuck_s) for watch in self._watches() if (stuck_s := watch.stuck_s()) is not None]
        if not stuck:
            self._notifier.feed()
            self._recovered()
        elif not self._starving:
            self._starve(*stuck[0])

    def _starve(self, source: str, stuck_s: float) -> None:
        self._starving = True
        what = f"the look at source '{source}' has not returned for {stuck_s:.0f} s"
        self._notifier.status(f"{what}; the watchdog is not fed")
        event("watchdog.starved", f"{what}; systemd will restart FourEyes", level="error", source=source)

    def _recovered(self) -> None:
        if self._starving:
            self._starving = False
            self._notifier.status("every source is looked at again")
            event("watchdog.fed", "every source is looked at again; the watchdog is fed")


def watchdog_period_s(environ: MutableMapping[str, str], pid: int) -> float | None:
    """The period that systemd set for this process; None where none is. Its variables are taken out."""
    usec, wanted_pid = environ.pop("WATCHDOG_USEC", ""), environ.pop("WATCHDOG_PID", str(pid))
    if not usec or wanted_pid != str(pid):
        return None
    if not (usec.isascii() and usec.isdigit() and int(usec)):
        event("watchdog.off", f"WATCHDOG_USEC is {usec!r}, which is no period; it is not fed", level="warning")
        return None
    return int(usec) / 1_000_000
