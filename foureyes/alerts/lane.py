"""A lane: the notices of one channel in their order, each tried until it is taken, too old or one too many."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from foureyes.alerts.channels.channel import Channel
from foureyes.alerts.notice import Notice
from foureyes.backoff import backoff_s
from foureyes.config.alerts import Alerts
from foureyes.exceptions import AlertError
from foureyes.telemetry.log import event
from foureyes.telemetry.report import Report, report_to_nobody


@dataclass(frozen=True)
class Ledger:
    """Who is told what becomes of notices."""

    delivered: Callable[[str, str], None]
    """Takes the channel's name, and `ok` or `failed`: one attempt."""
    dropped: Callable[[str, str], None]
    """Takes `alerts` and a reason."""
    changed: Callable[[], None]
    """Something waits no more."""
    report: Report = report_to_nobody


class Lane:
    """One channel. `run` is its only task; `put` never waits."""

    def __init__(
        self,
        name: str,
        channel: Channel,
        settings: Alerts,
        waiting: Iterable[Notice],
        ledger: Ledger,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.name = name
        self.failing: str | None = None
        """Why the last attempt failed; None after one that did not."""
        self._channel = channel
        self._settings = settings
        self._ledger = ledger
        self._utcnow = utcnow
        self._waiting = deque(waiting)
        self._filled = asyncio.Event()
        self._attempts = 0
        if self._waiting:
            self._filled.set()

    @property
    def waiting(self) -> list[Notice]:
        """What has not been taken yet, the oldest first."""
        return list(self._waiting)

    def put(self, notice: Notice) -> None:
        """Have a notice delivered; of too many the oldest goes."""
        if len(self._waiting) >= self._settings.most_waiting:
            self._waiting.popleft()
            self._ledger.dropped("alerts", "outbox_full")
        self._waiting.append(notice)
        self._filled.set()

    async def run(self) -> None:
        """Deliver until cancelled."""
        while True:
            await self._filled.wait()
            notice = self._waiting[0]
            if self._is_too_old(notice):
                self._ledger.dropped("alerts", "expired")
                self._done(notice)
            elif await self._delivered(notice):
                self._done(notice)
            else:
                settings = self._settings
                wait_s = backoff_s(self._attempts, first_s=settings.retry_s, cap_s=settings.retry_cap_s)
                await asyncio.sleep(wait_s)

    def _is_too_old(self, notice: Notice) -> bool:
        return self._utcnow() - datetime.fromisoformat(notice.at) > timedelta(seconds=self._settings.keep_s)

    async def _delivered(self, notice: Notice) -> bool:
        try:
            await self._channel.deliver(notice.as_dict())
        except AlertError as error:
            self._failed(str(error))
            return False
        except Exception as error:  # noqa: BLE001 - a library of a service may raise anything: it costs one attempt
            self._ledger.report(error, "alerts", channel=self.name)
            self._failed(f"the channel failed: {error}")
            return False
        self._succeeded()
        return True

    def _done(self, notice: Notice) -> None:
        if self._waiting and self._waiting[0] is notice:  # else it made room for others meanwhile
            self._waiting.popleft()
        if not self._waiting:
            self._filled.clear()
        self._ledger.changed()

    def _failed(self, reason: str) -> None:
        if self.failing is None:
            text = f"channel '{self.name}' does not deliver alerts, which wait for it: {reason}"
            event("alerts.failing", text, level="error", channel=self.name)
        self.failing = reason
        self._attempts += 1
        self._ledger.delivered(self.name, "failed")

    def _succeeded(self) -> None:
        if self.failing is not None:
            event("alerts.recovered", f"channel '{self.name}' delivers alerts again", channel=self.name)
        self.failing, self._attempts = None, 0
        self._ledger.delivered(self.name, "ok")
