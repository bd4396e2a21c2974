"""LM Studio as a background service that `lms` steers: brought up, healed, stopped only where we started it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sys
from collections.abc import Awaitable, Callable
from urllib.parse import urlsplit

import filelock
import platformdirs
import psutil

from foureyes.config.settings import LmStudioServer
from foureyes.exceptions import ServerError, ServerStartError
from foureyes.servers.instance import OwnedProcess
from foureyes.servers.process.lms import Lms, LmsDaemon
from foureyes.servers.readiness import until_ready
from foureyes.servers.server import ModelServer
from foureyes.telemetry.log import event

_ALIVE_POLL_S = 0.5
_DOWN_S = 5.0


class DaemonProcess:
    """The daemon behind LM Studio's HTTP server: nobody's child, so that its exit is seen by asking."""

    def __init__(self, lms: Lms, daemon: LmsDaemon, *, began_server: bool, began_daemon: bool) -> None:
        assert daemon.pid is not None
        self.pid = daemon.pid
        self._lms = lms
        self._began_server = began_server
        self._began_daemon = began_daemon
        self._process = _process(daemon.pid)

    async def wait(self) -> None:
        """Return when the daemon has ended."""
        while _lives(self._process):
            await _ended(self.pid)

    def exit_text(self) -> str:
        """Its exit code is never visible: it is nobody's child."""
        return "the daemon of LM Studio is gone"

    async def stop(self) -> None:
        """Stop what we started, by lms; a daemon of ours that does not obey is killed with its children."""
        began_server, began_daemon = self._began_server, self._began_daemon
        self._began_server = self._began_daemon = False
        if not _lives(self._process):
            return  # its server went with it
        if began_server:
            await self._try(self._lms.server_stop)
        if began_daemon:
            await self._try(self._lms.daemon_down)
            await asyncio.to_thread(self._kill_left)

    @staticmethod
    async def _try(step: Callable[[], Awaitable[None]]) -> None:
        try:
            await step()
        except ServerStartError as error:
            event("lms.failed", str(error), level="warning")

    def _kill_left(self) -> None:
        if self._process is None:
            return
        with contextlib.suppress(psutil.NoSuchProcess):
            tree = [*self._process.children(recursive=True), self._process]
            _, alive = psutil.wait_procs(tree, timeout=_DOWN_S)
            for process in alive:
                with contextlib.suppress(psutil.NoSuchProcess):
                    process.kill()


class LmStudioDaemon:
    """Brings LM Studio up by `lms`: the daemon, then its server; more thoroughly after each failure."""

    can_overlap = False
    owns_process = False
    only_asks = False

    def __init__(self, settings: LmStudioServer, connect: Callable[[], Awaitable[ModelServer]]) -> None:
        self._settings = settings
        self._connect = connect
        self._lms = Lms(settings.lms, settings.start_timeout_s)
        self._port = urlsplit(settings.url).port or 80
        self._began_daemon = False
        folder = platformdirs.user_state_path("foureyes", appauthor=False, ensure_exists=True)
        # one for the whole process: a reload of the configuration hands the steering on to another launch
        self._lock = filelock.FileLock(folder / f"lms-{self._port}.lock", is_singleton=True)

    async def start(self, failures: int) -> tuple[ModelServer, OwnedProcess | None]:
        """The daemon up, its server open, and its answer seen: exit codes of lms are not believed."""
        if not self._is_ours():
            event("lms.shared", f"another FourEyes steers LM Studio at {self._settings.url}; it is only used here")
            return await until_ready(self._settings, self._connect, None), None
        before = await self._lms.daemon_status()
        self._began_daemon = self._began_daemon or not before.is_running
        if failures > 1 and before.is_running and not before.is_app:
            await self._lms.daemon_down()
        daemon = await self._lms.daemon_up()
        if not daemon.is_running:
            raise ServerStartError(f"`{self._settings.lms} daemon up` brought no daemon up")
        began_server = await self._opened(failures)
        process = DaemonProcess(
            self._lms,
            daemon,
            began_server=began_server,
            began_daemon=self._began_daemon and not daemon.is_app,
        )
        try:
            return await until_ready(self._settings, self._connect, None), process
        except BaseException:
            await process.stop()
            raise

    def _is_ours(self) -> bool:
        """Whether it is for us to steer it: two that do would fight. The kernel lets go of it when we end."""
        with contextlib.suppress(filelock.Timeout):
            self._lock.acquire(timeout=0)
        return self._lock.is_locked

    async def _opened(self, failures: int) -> bool:
        """Open the HTTP server, anew after a failure; whether it was closed before."""
        answers = await self._answers()
        if answers and not failures:
            return False
        if answers:
            await self._lms.server_stop()
        await self._lms.server_start(self._port)
        return True

    async def _answers(self) -> bool:
        try:
            server = await self._connect()
        except ServerError:
            return False
        try:
            await server.check_live()
        except ServerError:
            return False
        finally:
            await server.aclose()
        return True


async def _ended(pid: int) -> None:
    """Return when a process ends: at once where the kernel tells, else after a while, to be asked again."""
    if sys.platform != "linux":
        await asyncio.sleep(_ALIVE_POLL_S)
        return
    loop, gone = asyncio.get_running_loop(), asyncio.Event()
    try:
        descriptor = os.pidfd_open(pid)
    except ProcessLookupError:
        return
    loop.add_reader(descriptor, gone.set)
    try:
        await gone.wait()
    finally:
        loop.remove_reader(descriptor)
        os.close(descriptor)


def _process(pid: int) -> psutil.Process | None:
    try:
        return psutil.Process(pid)
    except psutil.NoSuchProcess:
        return None


def _lives(process: psutil.Process | None) -> bool:
    """Whether it has not ended; whoever inherited it may leave it a zombie for seconds."""
    if process is None:
        return False
    with contextlib.suppress(psutil.NoSuchProcess):
        return process.is_running() and process.status() != psutil.STATUS_ZOMBIE
    return False
