"""What operators meet of a running daemon: health, page, set-up, alerts and MQTT, over what looks."""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from fastapi import FastAPI

from foureyes.alerts.alerting import Alerting, Surroundings
from foureyes.alerts.lane import Ledger
from foureyes.config import Settings
from foureyes.daemon import parts
from foureyes.daemon.alert_channels import channels_of
from foureyes.daemon.alert_watch import AlertWatch
from foureyes.daemon.beside import beside
from foureyes.daemon.changes import Changes
from foureyes.daemon.composition import Composition
from foureyes.daemon.entrance import access_rules
from foureyes.daemon.health import DaemonHealth
from foureyes.daemon.mqtt_feed import feed
from foureyes.daemon.own_memory import OwnMemory
from foureyes.daemon.parts import Shared
from foureyes.daemon.pause import Pauses
from foureyes.daemon.reloads import Reloads
from foureyes.daemon.setup import Setup
from foureyes.daemon.setup_file import ConfigFile
from foureyes.daemon.setup_trials import Trials
from foureyes.daemon.shedding import Shedding
from foureyes.daemon.shown import Shown
from foureyes.errors.recorder import FaultRecorder
from foureyes.outputs.live import LiveEvents
from foureyes.outputs.mqtt import MqttOutput
from foureyes.telemetry.audit import Audit
from foureyes.telemetry.history import History
from foureyes.telemetry.metrics import Metrics
from foureyes.vision.cache import AnswerCache
from foureyes.web.app import create_app
from foureyes.web.metrics import Figures

if TYPE_CHECKING:
    from foureyes.errors.mongo import MongoWriter


@dataclass(frozen=True)
class Behind:
    """What looks and what keeps account of it: the front shows it, and steers it by its own means alone."""

    settings: Settings
    """Those of the start; what a reload may change is asked of the composition."""
    config: ConfigFile
    composition: Composition
    shared: Shared
    reloads: Reloads
    shedding: Shedding
    pauses: Pauses
    memory: OwnMemory
    faults: FaultRecorder
    mongo: MongoWriter | None
    mqtt: MqttOutput | None
    live: LiveEvents
    shown: Shown
    history: History
    audit: Audit
    desk_cache: AnswerCache

    @property
    def metrics(self) -> Metrics:
        """The daemon's own figures."""
        return self.shared.metrics

    def in_force(self) -> Settings:
        """The settings as they are now."""
        return self.composition.settings


class Front:
    """One daemon's front: `health` says how all stands, `app` is the page and the API."""

    def __init__(self, behind: Behind) -> None:
        self._behind = behind
        self._alerting = _alerting(behind)
        self.health = _health(behind, self._alerting)

    def app(self) -> FastAPI:
        """The web app, not served yet."""
        behind, metrics = self._behind, self._behind.metrics
        desk = parts.desk_of(behind.in_force, behind.composition.servers, metrics, behind.desk_cache)
        trials = Trials(behind.composition, desk.analysis, metrics.dropped)
        return create_app(
            self.health,
            desk=desk,
            report=behind.faults.record,
            reads=behind.shown.reads(
                behind.composition, metrics, behind.settings.state_dir, behind.faults.pictures
            ),
            figures=Figures(behind.history.aggregates, metrics.active_requests),
            setup=Setup(behind.config, behind.composition, trials, behind.reloads, behind.audit, metrics.dropped),
            rules=access_rules(behind.settings, metrics),
            pauses=behind.pauses,
            alerts=self._alerting,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[None]:
        """Notice changes, tell alerts and feed MQTT while inside."""
        behind = self._behind
        seen = AlertWatch(
            behind.composition,
            behind.shared.publisher,
            behind.metrics,
            behind.settings.state_dir,
            self.health.components,
        )
        async with AsyncExitStack() as stack:
            await stack.enter_async_context(beside(self.health.follow(), "changes of state"))
            await stack.enter_async_context(beside(self._alerting.run(seen.snapshot), "alerts"))
            if behind.mqtt is not None:
                feeding = feed(behind.mqtt, behind.composition, self.health.health, self._alerting.document)
                await stack.enter_async_context(beside(feeding, "mqtt"))
            yield


def _health(behind: Behind, alerts: Alerting) -> DaemonHealth:
    return DaemonHealth(
        behind.composition,
        behind.reloads,
        behind.shared.publisher,
        behind.metrics,
        behind.live,
        shedding=behind.shedding,
        memory=behind.memory,
        faults=behind.faults,
        mongo=behind.mongo,
        changes=Changes(behind.live.publish),
        alerts=alerts,
        mqtt=behind.mqtt,
    )


def _alerting(behind: Behind) -> Alerting:
    metrics = behind.metrics
    around = Surroundings(
        settings=lambda: behind.in_force().alerts,
        channels=lambda alerts: channels_of(alerts, behind.settings.mqtt),
        tell=partial(behind.live.publish, "alert"),
        ledger=Ledger(metrics.alert_delivery, metrics.dropped, lambda: None, behind.faults.record),
    )
    return Alerting(behind.settings.state_dir, around)
