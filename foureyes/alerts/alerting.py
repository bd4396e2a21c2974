"""Alerting: looks at the daemon now and then, says what the judge finds, and has it delivered."""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from foureyes.alerts.channels.channel import Channel
from foureyes.alerts.judge import Judge
from foureyes.alerts.lane import Lane, Ledger
from foureyes.alerts.notice import Notice
from foureyes.alerts.snapshot import Snapshot
from foureyes.alerts.store import Kept, alerts_file, load, save
from foureyes.config.alerts import Alerts
from foureyes.exceptions import MissingExtraError
from foureyes.redaction import redact_text
from foureyes.telemetry.log import event
from foureyes.telemetry.words import Word

_KEPT_NOTICES = 100
_HOUR_S = 3600.0
_LEVELS = {"warning": "warning", "critical": "error"}


@dataclass(frozen=True)
class Surroundings:
    """What alerting asks of the daemon, and whom it tells."""

    settings: Callable[[], Alerts]
    """Those in force."""
    channels: Callable[[Alerts], Mapping[str, Channel]]
    tell: Callable[[Mapping[str, Any]], None]
    """Takes each notice as JSON values; never waits."""
    ledger: Ledger


class Alerting:
    """One daemon's alerts. `run` is its only writer; documents may be asked for at any time."""

    def __init__(self, state_dir: Path, around: Surroundings) -> None:
        """Raises MissingExtraError where a channel needs what is not installed."""
        self._file = alerts_file(state_dir)
        self._around = around
        self._settings = around.settings()
        kept = load(self._file)
        self._judge = Judge(self._settings.in_force, kept.told)
        self._active: list[dict[str, Any]] = kept.told
        self._last = deque(kept.last, maxlen=_KEPT_NOTICES)
        self._lanes: dict[str, Lane] = {}
        self._running: dict[str, asyncio.Task[None]] = {}
        self._told_mono_s: deque[float] = deque()
        self._is_unsaved = False
        self._unwritable = False
        self._ledger = Ledger(
            around.ledger.delivered, around.ledger.dropped, self._note_change, around.ledger.report
        )
        self._make_lanes(around.channels(self._settings), kept.waiting)

    async def run(self, snapshot: Callable[[], Awaitable[Snapshot]]) -> None:
        """Look until cancelled; what still waits then is delivered after the next start."""
        try:
            while True:
                await self._adopt()
                try:
                    await self._turn(await snapshot())
                except Exception as error:  # noqa: BLE001 - a rule's own fault must not end all alerts
                    self._ledger.report(error, "alerts")
                await asyncio.sleep(self._settings.check_s)
        finally:
            await self._stop_lanes()
            self._save(self._kept())

    def document(self) -> dict[str, Any]:
        """What is in trouble now, what was told last, and how the channels stand."""
        return {
            "active": self._active,
            "last": [notice.as_dict() for notice in reversed(self._last)],
            "channels": {
                name: {
                    "failing": None if lane.failing is None else redact_text(lane.failing),
                    "waiting": len(lane.waiting),
                }
                for name, lane in self._lanes.items()
            },
        }

    def component(self) -> dict[str, Any]:
        """How the delivery stands, for /health."""
        failing = [f"'{name}': {lane.failing}" for name, lane in self._lanes.items() if lane.failing is not None]
        return {
            "state": Word.FAILING if failing else Word.OK,
            "reason": redact_text(f"notices wait for {'; '.join(failing)}") if failing else None,
            "told": sum(entry["told"] for entry in self._active),
        }

    async def _adopt(self) -> None:
        """Take changed settings into force; what waits goes by the new channels of the same names."""
        settings = self._around.settings()
        if settings != self._settings:
            self._settings, self._judge.rules = settings, settings.in_force
            try:
                channels = self._around.channels(settings)
            except MissingExtraError as error:
                event("alerts.failing", f"the old channels stay: {error}", level="error")
            else:
                await self._stop_lanes()
                self._make_lanes(channels, {name: lane.waiting for name, lane in self._lanes.items()})
        for name, lane in self._lanes.items():
            if name not in self._running:
                self._running[name] = asyncio.create_task(lane.run(), name=f"alerts by {name}")

    def _make_lanes(self, channels: Mapping[str, Channel], waiting: Mapping[str, list[Notice]]) -> None:
        self._lanes = {
            name: Lane(name, channel, self._settings, waiting.get(name, ()), self._ledger)
            for name, channel in channels.items()
        }
        for name in waiting.keys() - channels.keys():
            for _ in waiting[name]:
                self._ledger.dropped("alerts", "channel_gone")

    async def _stop_lanes(self) -> None:
        running, self._running = list(self._running.values()), {}
        for task in running:
            task.cancel()
        if running:
            await asyncio.wait(running)

    async def _turn(self, snapshot: Snapshot) -> None:
        notices = await asyncio.to_thread(self._judged, snapshot)
        self._last.extend(notices)
        if notices or self._is_unsaved:
            self._is_unsaved = False
            await asyncio.to_thread(self._save, self._kept(notices))
        for notice in notices:
            self._publish(notice)
            if self._may_go_out(snapshot.mono_s):
                self._send(notice)

    def _judged(self, snapshot: Snapshot) -> list[Notice]:
        """A thousand sources take some time, which the frames' clock does not have."""
        notices = self._judge.look(snapshot)
        self._active = self._judge.active()
        return notices

    def _publish(self, notice: Notice) -> None:
        is_problem = notice.kind == "problem"
        event(
            f"alert.{notice.kind}",
            "; ".join([notice.title, *notice.text.split("\n")]),
            level=_LEVELS[notice.severity] if is_problem else "info",
            rule=notice.rule,
            subjects=list(notice.subjects),
        )
        self._around.tell(notice.as_dict())

    def _may_go_out(self, now_s: float) -> bool:
        while self._told_mono_s and now_s - self._told_mono_s[0] > _HOUR_S:
            self._told_mono_s.popleft()
        if len(self._told_mono_s) >= self._settings.most_an_hour:
            self._ledger.dropped("alerts", "too_many")
            return False
        self._told_mono_s.append(now_s)
        return True

    def _send(self, notice: Notice) -> None:
        for name in self._addressed(notice):
            self._lanes[name].put(notice)

    def _addressed(self, notice: Notice) -> list[str]:
        """The lanes of the channels that the notice's rule names; several may belong to one channel."""
        rule = self._settings.in_force.get(notice.rule)
        wanted = None if rule is None else rule.channels
        return [name for name in self._lanes if wanted is None or name.partition(".")[0] in wanted]

    def _kept(self, notices: list[Notice] | None = None) -> Kept:
        """All that is to be kept, with what is about to be handed to the lanes."""
        waiting = {name: lane.waiting for name, lane in self._lanes.items()}
        for notice in notices or ():
            for name in self._addressed(notice):
                waiting[name].append(notice)
        return Kept([entry for entry in self._active if entry["told"]], list(self._last), waiting)

    def _note_change(self) -> None:
        self._is_unsaved = True

    def _save(self, kept: Kept) -> None:
        try:
            save(self._file, kept)
        except OSError as error:
            if not self._unwritable:
                text = f"{self._file} cannot be written, so a restart forgets what was told: {error}"
                event("alerts.unwritable", text, level="error")
            self._unwritable = True
        else:
            self._unwritable = False
