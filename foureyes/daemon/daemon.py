"""The life of a daemon, top-down: claim, start the servers, watch until told to stop, take everything down."""

from __future__ import annotations

import asyncio
import contextlib
import os
import socket
import sys
import time
from collections.abc import Callable
from contextlib import AsyncExitStack
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, Literal, NoReturn

import cv2

from foureyes import __version__
from foureyes.config import Settings
from foureyes.config.web import DEFAULT_WEB_PORT
from foureyes.daemon import parts
from foureyes.daemon.alert_channels import channels_of
from foureyes.daemon.beside import beside
from foureyes.daemon.composition import Composition
from foureyes.daemon.entrance import reachable
from foureyes.daemon.faults import faults_kept, mongo_writer
from foureyes.daemon.front import Behind, Front
from foureyes.daemon.health import DaemonHealth
from foureyes.daemon.own_memory import OwnMemory
from foureyes.daemon.parts import Shared
from foureyes.daemon.pause import Pauses
from foureyes.daemon.publisher import Publisher, Sink
from foureyes.daemon.recorder import Recorder
from foureyes.daemon.reloads import Load, Reloads
from foureyes.daemon.setup_file import ConfigFile
from foureyes.daemon.shown import Shown
from foureyes.daemon.signals import Signals, Wishes
from foureyes.daemon.state_folder import announce, claimed, forget
from foureyes.daemon.taught_watch import TaughtWatch
from foureyes.daemon.upkeep import Upkeep
from foureyes.errors.fault import FaultEvent
from foureyes.forgewright.triage import Triage
from foureyes.frames.frame import Frame
from foureyes.frames.recording import Recording
from foureyes.outputs.jsonlines import JsonLines
from foureyes.outputs.live import LiveEvents
from foureyes.outputs.mqtt import MqttOutput
from foureyes.servers.http.clients import Clients
from foureyes.service.parent import follow_parent
from foureyes.service.session import ServiceSession
from foureyes.telemetry.audit import Audit
from foureyes.telemetry.footprint import keep_small
from foureyes.telemetry.history import History, history_file
from foureyes.telemetry.log import event, start_logging
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.traces import Traces
from foureyes.vision.inference import Inference
from foureyes.vision.look import Encoder
from foureyes.vision.taught import TaughtPictures
from foureyes.web.server import WebServer, bind

if TYPE_CHECKING:
    from foureyes.errors.mongo import MongoWriter

_FORCED_EXIT = 130
_BIG_BYTES = 4_000_000
"""Pictures of 1280x720 are kept for the next ones: faults were a third of the CPU time of a changed frame."""


@dataclass(frozen=True)
class Options:
    """What the command line adds to the configuration."""

    config: ConfigFile
    duration_s: float | None = None
    readings: Path | None = None
    """A file, or `-` for stdout."""
    readings_on: Literal["look", "change"] = "look"
    record: Path | None = None
    parent_pipe: bool = False
    """Whether the end of standard input is our end."""


class Daemon:
    """One daemon: built from settings, run once; `load` reads them again when that is wished."""

    def __init__(self, settings: Settings, options: Options, load: Load) -> None:
        self._settings = settings
        self._options = options
        self._load = load
        self._history = History(history_file(settings.state_dir))
        self._traces = Traces()
        self._metrics = Metrics(self._history.note, self._traces.step)
        self._audit = Audit(settings.state_dir)
        self._live = LiveEvents(dropped=self._metrics.dropped)
        self._shown = Shown(self._live, self._traces)
        self._metrics.event_streams(lambda: self._live.subscribers)
        self._cache, self._desk_cache = parts.cache_of(settings), parts.cache_of(settings)
        self._encoder = Encoder()
        channels_of(settings.alerts, settings.mqtt)  # what is not installed is said before anything starts
        self._mqtt = None if settings.mqtt.host is None else MqttOutput(settings.mqtt, self._metrics.dropped)
        self._triage: Triage | None = None
        self._stop = asyncio.Event()
        self._reload = asyncio.Event()
        self._began_mono_s = time.monotonic()

    async def run(self) -> None:
        """Watch until the duration is over, all sources are done, or a signal comes.

        Raises StateFolderBusyError, PortTakenError or another FourEyesError where it cannot begin; nothing
        half-started is left behind then.
        """
        self._loop = asyncio.get_running_loop()
        signals = Signals(Wishes(self._begin_stop, self._force, self._reload.set))
        with claimed(self._settings.state_dir), signals.heard():
            log = self._settings.log
            start_logging(log, log.folder or self._settings.state_dir / "logs")
            self._service = ServiceSession.taken_from(os.environ)
            if self._options.parent_pipe:
                follow_parent(self._stop_soon)
            with faults_kept(self._settings, self._metrics, self._fault_kept) as self._faults:
                async with AsyncExitStack() as stack:
                    await self._live_through(stack)
        event("daemon.stopped", f"stopped after {time.monotonic() - self._began_mono_s:.0f} s")

    async def _live_through(self, stack: AsyncExitStack) -> None:
        event("daemon.starting", f"FourEyes {__version__}, Python {sys.version.split()[0]}, pid {os.getpid()}")
        stack.enter_context(self._shown.running())
        listener = bind(self._settings.web.host, self._settings.web.port, DEFAULT_WEB_PORT)
        stack.callback(listener.close)
        stack.push_async_callback(asyncio.to_thread, self._history.save)
        behind = await self._begun(stack, await self._faults_handed_on(stack))
        front = Front(behind)
        await self._serve(WebServer(front.app(), listener), listener, stack)
        stack.enter_context(self._upkeep(behind).running())
        await stack.enter_async_context(front.running())
        await self._watch(behind.composition, behind.reloads, front.health)

    async def _faults_handed_on(self, stack: AsyncExitStack) -> MongoWriter | None:
        """Have what the fault log takes go to MongoDB and to triage."""
        mongo = mongo_writer(self._settings, self._faults, self._metrics)
        if mongo is not None:
            await stack.enter_async_context(mongo.running())
        self._triage = self._new_triage()
        await stack.enter_async_context(beside(self._triage.run(), "triage"))
        return mongo

    async def _begun(self, stack: AsyncExitStack, mongo: MongoWriter | None) -> Behind:
        """Have the servers start and the sources ready to be watched."""
        settings, metrics, tell = self._settings, self._metrics, self._live.publish
        pauses = Pauses(settings.state_dir, lambda: list(composition.watches), tell, self._audit)
        shared = self._shared(stack, pauses)
        shedding = parts.shedding_of(
            settings, lambda: composition.tasks, lambda: composition.servers, metrics, tell
        )
        composition = Composition(settings, shared, shedding.spare)
        await stack.enter_async_context(composition.begun())
        return Behind(
            settings=settings,
            config=self._options.config,
            composition=composition,
            shared=shared,
            reloads=Reloads(
                self._load, composition, metrics, tell, self._reload, self._faults.record, self._audit
            ),
            shedding=shedding,
            pauses=pauses,
            memory=self._own_memory(),
            faults=self._faults,
            mongo=mongo,
            mqtt=self._mqtt,
            live=self._live,
            shown=self._shown,
            history=self._history,
            audit=self._audit,
            desk_cache=self._desk_cache,
        )

    def _upkeep(self, behind: Behind) -> Upkeep:
        return Upkeep(
            self._settings.resources,
            behind.shedding,
            behind.memory,
            behind.shared.clients,
            self._faults.record,
            self._history,
        )

    async def _serve(self, web: WebServer, listener: socket.socket, stack: AsyncExitStack) -> None:
        await web.start()
        stack.push_async_callback(web.stop)
        host, port = listener.getsockname()[:2]
        host = reachable(host)
        url = f"http://{host}:{port}" if ":" not in host else f"http://[{host}]:{port}"
        announce(self._settings.state_dir, {"url": url, "version": __version__})
        event("web.listening", f"look at {url}/", url=url)

    async def _watch(self, composition: Composition, reloads: Reloads, health: DaemonHealth) -> None:
        """Look as soon as every task has a model that answers, or every server is known to be ready or not."""
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        settled = asyncio.create_task(composition.fleet.settled(lambda: health.ready()[0]), name="first start")
        try:
            async with self._service.starting():
                await asyncio.wait({settled, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not self._stop.is_set():
                self._say_ready(composition)
                await self._look_until_stopped(composition, reloads, stopping)
        finally:
            settled.cancel()
            stopping.cancel()

    def _say_ready(self, composition: Composition) -> None:
        took = time.monotonic() - self._began_mono_s
        if late := [name for name, server in composition.servers.items() if not server.snapshot.ready]:
            event("daemon.blind", f"watching without {', '.join(late)}, which is not ready yet", level="warning")
        else:
            event("daemon.ready", f"ready in {took:.1f} s", duration_ms=round(took * 1000), outcome="ok")

    async def _look_until_stopped(
        self, composition: Composition, reloads: Reloads, stopping: asyncio.Task[Any]
    ) -> None:
        async with beside(composition.run(), "watches") as looking:
            watching = self._service.watching(lambda: list(composition.watches.values()))
            taught = TaughtWatch(TaughtPictures(self._settings.state_dir), composition, self._faults.record)
            relearning = beside(taught.run(), "taught pictures")
            async with watching, beside(reloads.run(self._service), "reloads"), relearning:
                timeout_s = self._options.duration_s
                await asyncio.wait({looking, stopping}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        if looking.done() and not looking.cancelled():
            looking.result()
        for watch in composition.watches.values():
            if watch.fatal is not None:
                raise watch.fatal

    def _shared(self, stack: AsyncExitStack, pauses: Pauses) -> Shared:
        recorder = self._recorder(stack)
        clients = Clients(idle_s=self._settings.resources.client_idle_s)
        stack.push_async_callback(clients.aclose)
        return Shared(
            metrics=self._metrics,
            clients=clients,
            tell=self._live.publish,
            cache=self._cache,
            inference=Inference(self._encoder, self._metrics),
            publisher=self._publisher(stack, recorder),
            on_frame=self._on_frame(recorder),
            report=self._faults.record,
            paused=pauses.why,
        )

    def _on_frame(self, recorder: Recorder | None) -> Callable[[Frame], None]:
        def keep(frame: Frame) -> None:
            self._shown.frame(frame)
            if recorder is not None:
                recorder.add(frame)

        return keep

    def _fault_kept(self, fault: FaultEvent) -> None:
        """Called from the thread that writes faults."""
        self._shown.fault(fault)
        if self._triage is not None:
            self._triage.wake()

    def _new_triage(self) -> Triage:
        settings, metrics = self._settings, self._metrics
        return Triage(settings.state_dir, settings.triage, dropped=metrics.dropped, report=self._faults.record)

    def _recorder(self, stack: AsyncExitStack) -> Recorder | None:
        if self._options.record is None:
            return None
        recorder = Recorder(Recording(self._options.record), self._metrics.dropped)
        stack.callback(recorder.close)
        return recorder

    def _publisher(self, stack: AsyncExitStack, recorder: Recorder | None) -> Publisher:
        sinks: list[Sink] = [recorder.add] if recorder else []
        if self._options.readings is not None:
            lines = JsonLines(self._options.readings, dropped=self._metrics.dropped, reader_left=self._reader_left)
            stack.callback(lines.close)
            sinks.append(lines.put)
        return Publisher(
            self._live,
            self._metrics,
            sinks,
            readings_on=self._options.readings_on,
            history=self._shown.history,
            traces=self._traces,
            every=[] if self._mqtt is None else [self._mqtt.put],
        )

    def _own_memory(self) -> OwnMemory:
        limit_bytes = parts.memory_limit_bytes(self._settings.resources)
        self._metrics.machine.memory_limit(limit_bytes)
        return OwnMemory(limit_bytes, caches=[self._cache.clear, self._desk_cache.clear, self._encoder.forget])

    def _force(self) -> NoReturn:
        forget(self._settings.state_dir)
        os._exit(_FORCED_EXIT)  # children notice by their closed pipe

    def _reader_left(self) -> None:
        """Whoever read the readings from stdout has gone: nobody watches any more. Called from another thread."""
        self._stop_soon("the reader of stdout has gone")

    def _stop_soon(self, reason: str) -> None:
        """Called from another thread."""
        self._loop.call_soon_threadsafe(self._begin_stop, reason)

    def _begin_stop(self, name: str) -> None:
        self._stop.set()
        event("daemon.stopping", f"{name}: ending gracefully; once more to force", signal=name)


def run_daemon(load: Load, options: Options) -> None:
    """Run a daemon to its end in this thread. Raises ConfigError or UsageError where there is none to run."""
    load = partial(_with_taught, load)
    settings = load()
    keep_small(_BIG_BYTES)
    cv2.setNumThreads(1)  # its small steps gain nothing from more, and the cores are the models'
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(settings, options, load))


def _with_taught(load: Load) -> Settings:
    settings = load()
    return TaughtPictures(settings.state_dir).applied(settings)


async def _run(settings: Settings, options: Options, load: Load) -> None:
    await Daemon(settings, options, load).run()
