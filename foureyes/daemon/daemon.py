"""The life of a daemon, top-down: claim, start the servers, watch until told to stop, take everything down."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import sys
import time
from collections.abc import AsyncIterator, Callable, Iterator
from contextlib import AsyncExitStack, asynccontextmanager, contextmanager
from dataclasses import dataclass
from pathlib import Path
from types import FrameType
from typing import Any, Literal

import cv2

from foureyes import __version__
from foureyes.config import Settings
from foureyes.config.settings import DEFAULT_WEB_PORT, Source
from foureyes.daemon import parts
from foureyes.daemon.health import DaemonHealth
from foureyes.daemon.own_memory import OwnMemory
from foureyes.daemon.publisher import Publisher, Sink
from foureyes.daemon.recorder import Recorder
from foureyes.daemon.state_folder import announce, claimed, forget
from foureyes.daemon.upkeep import Upkeep
from foureyes.frames.frame import Frame
from foureyes.frames.recording import Recording
from foureyes.outputs.jsonlines import JsonLines
from foureyes.outputs.live import LiveEvents
from foureyes.servers.clients import Clients
from foureyes.servers.supervisor import Supervisor
from foureyes.service.parent import follow_parent
from foureyes.service.session import ServiceSession
from foureyes.telemetry.footprint import keep_small
from foureyes.telemetry.log import event, start_logging
from foureyes.telemetry.metrics import Metrics
from foureyes.vision.inference import Inference
from foureyes.vision.look import Encoder
from foureyes.vision.source_watch import SourceWatch
from foureyes.web.app import create_app
from foureyes.web.server import WebServer, bind

_GRACE_S = 4.5
_FORCED_EXIT = 130
_SAME_SIGNAL_S = 0.5
"""A signal that follows so soon is the same wish: some tell the process and its group."""


@dataclass(frozen=True)
class Options:
    """What the command line adds to the configuration."""

    duration_s: float | None = None
    readings: Path | None = None
    """A file, or `-` for stdout."""
    readings_on: Literal["look", "change"] = "look"
    record: Path | None = None
    parent_pipe: bool = False
    """Whether the end of standard input is our end."""


class Daemon:
    """One daemon: built from settings, run once."""

    def __init__(self, settings: Settings, options: Options) -> None:
        self._settings = settings
        self._options = options
        self._metrics = Metrics()
        self._live = LiveEvents(dropped=self._metrics.dropped)
        self._cache, self._desk_cache = parts.cache_of(settings), parts.cache_of(settings)
        self._encoder = Encoder()
        self._stop = asyncio.Event()
        self._began_mono_s = time.monotonic()
        self._stopping_since_s: float | None = None

    async def run(self) -> None:
        """Watch until the duration is over, all sources are done, or a signal comes.

        Raises StateFolderBusyError, PortTakenError or another FourEyesError where it cannot begin; nothing
        half-started is left behind then.
        """
        with claimed(self._settings.state_dir), self._signals():
            log = self._settings.log
            start_logging(log, log.folder or self._settings.state_dir / "logs")
            self._service = ServiceSession.taken_from(os.environ)
            if self._options.parent_pipe:
                follow_parent(self._stop_soon)
            async with AsyncExitStack() as stack:
                await self._live_through(stack)
        event("daemon.stopped", f"stopped after {time.monotonic() - self._began_mono_s:.0f} s")

    async def _live_through(self, stack: AsyncExitStack) -> None:
        event("daemon.starting", f"FourEyes {__version__}, Python {sys.version.split()[0]}, pid {os.getpid()}")
        socket = bind(self._settings.web.host, self._settings.web.port, DEFAULT_WEB_PORT)
        stack.callback(socket.close)
        recorder = self._recorder(stack)
        publisher = self._publisher(stack, recorder)
        clients = Clients(idle_s=self._settings.resources.client_idle_s)
        stack.push_async_callback(clients.aclose)
        servers = parts.supervisors_of(self._settings, self._metrics, clients, self._live.publish)
        await stack.enter_async_context(_kept_up(servers))
        sources, picked = await asyncio.to_thread(parts.resolved_sources, self._settings)
        watches = self._watches(sources, servers, publisher, recorder)
        shedding = parts.shedding_of(self._settings, watches, servers, self._metrics, self._live.publish)
        memory = self._own_memory()
        health = DaemonHealth(
            watches, servers, publisher, self._metrics, self._live, shedding=shedding, memory=memory, notes=picked
        )
        desk = parts.desk_of(self._settings, sources, servers, self._metrics, self._desk_cache)
        web = WebServer(create_app(health, desk=desk), socket)
        await web.start()
        stack.push_async_callback(web.stop)
        host, port = socket.getsockname()[:2]
        url = f"http://{host}:{port}" if ":" not in host else f"http://[{host}]:{port}"
        announce(self._settings.state_dir, {"url": url, "version": __version__})
        event("web.listening", f"look at {url}/", url=url)
        stack.enter_context(Upkeep(self._settings.resources, shedding, memory, clients).running())
        await self._watch(watches, servers, health)

    async def _watch(
        self, watches: list[SourceWatch], servers: dict[str, Supervisor], health: DaemonHealth
    ) -> None:
        """Look as soon as every task has a model that answers, or every server is known to be ready or not."""
        stopping = asyncio.create_task(self._stop.wait(), name="stop")
        settled = asyncio.create_task(_settled(servers, lambda: health.ready()[0]), name="first start")
        try:
            async with self._service.starting():
                await asyncio.wait({settled, stopping}, return_when=asyncio.FIRST_COMPLETED)
            if not self._stop.is_set():
                self._say_ready(servers)
                await self._look_until_stopped(watches, stopping)
        finally:
            settled.cancel()
            stopping.cancel()

    def _say_ready(self, servers: dict[str, Supervisor]) -> None:
        took = time.monotonic() - self._began_mono_s
        if late := [name for name, server in servers.items() if not server.snapshot.ready]:
            event("daemon.blind", f"watching without {', '.join(late)}, which is not ready yet", level="warning")
        else:
            event("daemon.ready", f"ready in {took:.1f} s", duration_ms=round(took * 1000), outcome="ok")

    async def _look_until_stopped(self, watches: list[SourceWatch], stopping: asyncio.Task[Any]) -> None:
        looking = asyncio.create_task(self._look(watches), name="watches")
        try:
            timeout_s = self._options.duration_s
            async with self._service.watching(lambda: watches):
                await asyncio.wait({looking, stopping}, timeout=timeout_s, return_when=asyncio.FIRST_COMPLETED)
        finally:
            looking.cancel()
            await asyncio.wait({looking}, timeout=_GRACE_S)
        if looking.done() and not looking.cancelled():
            looking.result()
        for watch in watches:
            if watch.fatal is not None:
                raise watch.fatal

    @staticmethod
    async def _look(watches: list[SourceWatch]) -> None:
        async with asyncio.TaskGroup() as group:
            for watch in watches:
                group.create_task(watch.run(), name=f"source {watch.id}")

    def _watches(
        self,
        sources: list[Source],
        servers: dict[str, Supervisor],
        publisher: Publisher,
        recorder: Recorder | None,
    ) -> list[SourceWatch]:
        inference = Inference(self._encoder, self._metrics)
        return [
            parts.watch_of(
                source,
                parts.plans_of(self._settings, source),
                self._settings,
                servers=servers,
                cache=self._cache,
                inference=inference,
                metrics=self._metrics,
                publish=publisher.publish,
                on_frame=recorder.add if recorder else _keep_nothing,
            )
            for source in sources
        ]

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
        return Publisher(self._live, self._metrics, sinks, readings_on=self._options.readings_on)

    def _own_memory(self) -> OwnMemory:
        limit_bytes = parts.memory_limit_bytes(self._settings.resources)
        self._metrics.memory_limit(limit_bytes)
        return OwnMemory(limit_bytes, caches=[self._cache.clear, self._desk_cache.clear, self._encoder.forget])

    @contextmanager
    def _signals(self) -> Iterator[None]:
        """The first Ctrl-C or SIGTERM ends gracefully, the second forces."""
        loop = self._loop = asyncio.get_running_loop()

        def stop(signum: int, _frame: FrameType | None) -> None:
            if self._stopping_since_s is not None:
                if time.monotonic() - self._stopping_since_s < _SAME_SIGNAL_S:
                    return
                forget(self._settings.state_dir)
                os._exit(_FORCED_EXIT)  # children notice by their closed pipe
            self._stopping_since_s = time.monotonic()
            name = signal.Signals(signum).name
            loop.call_soon_threadsafe(self._begin_stop, name)

        handled = [signal.SIGINT, signal.SIGTERM]
        before = {number: signal.signal(number, stop) for number in handled}
        try:
            yield
        finally:
            for number, handler in before.items():
                signal.signal(number, handler)

    def _reader_left(self) -> None:
        """Whoever read the readings from stdout has gone: nobody watches any more. Called from another thread."""
        self._stop_soon("the reader of stdout has gone")

    def _stop_soon(self, reason: str) -> None:
        """Called from another thread."""
        self._loop.call_soon_threadsafe(self._begin_stop, reason)

    def _begin_stop(self, name: str) -> None:
        self._stop.set()
        event("daemon.stopping", f"{name}: ending gracefully; once more to force", signal=name)


@asynccontextmanager
async def _kept_up(servers: dict[str, Supervisor]) -> AsyncIterator[None]:
    """Keep the servers up while inside; they are stopped together behind it."""
    keeping = [asyncio.create_task(server.run(), name=f"server {name}") for name, server in servers.items()]
    try:
        yield
    finally:
        for task in keeping:
            task.cancel()
        await asyncio.wait(keeping, timeout=_GRACE_S)


async def _settled(servers: dict[str, Supervisor], is_ready: Callable[[], bool]) -> None:
    """Return once all are known to be ready or not, or what is ready is enough."""
    while not (is_ready() or all(server.is_settled for server in servers.values())):
        changes = [
            asyncio.create_task(server.change(), name=f"change of {name}") for name, server in servers.items()
        ]
        try:
            await asyncio.wait(changes, return_when=asyncio.FIRST_COMPLETED)
        finally:
            for change in changes:
                change.cancel()


def _keep_nothing(_frame: Frame) -> None:
    """Frames go nowhere unless somebody records."""


def run_daemon(settings: Settings, options: Options) -> None:
    """Run a daemon to its end in this thread."""
    keep_small()
    cv2.setNumThreads(1)  # its small steps gain nothing from more, and the cores are the models'
    with contextlib.suppress(KeyboardInterrupt):
        asyncio.run(_run(settings, options))


async def _run(settings: Settings, options: Options) -> None:
    await Daemon(settings, options).run()
