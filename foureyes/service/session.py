"""One run of the daemon as its service manager sees it: starting, ready and fed, reloading, stopping."""

from __future__ import annotations

import asyncio
import os
from collections.abc import AsyncIterator, Callable, Iterable, MutableMapping
from contextlib import asynccontextmanager

from foureyes.service.notify import Notifier
from foureyes.service.watchdog import Looking, Watchdog, watchdog_period_s

_EXTEND_EVERY_S, _EXTEND_BY_S = 5.0, 30.0
_LONGEST_START_S = 3600.0
"""Every first start has an end of its own; one that has none is a fault, which systemd must be able to end."""


class ServiceSession:
    """What the daemon tells at each step of its life; nobody hears it where no service manager started us."""

    def __init__(self, notifier: Notifier, watchdog_s: float | None) -> None:
        self._notifier = notifier
        self._watchdog_s = watchdog_s
        self._watches: Callable[[], Iterable[Looking]] = tuple

    @classmethod
    def taken_from(cls, environ: MutableMapping[str, str]) -> ServiceSession:
        """The session that the environment tells of; its variables are taken out: they are not for children."""
        return cls(Notifier.taken_from(environ), watchdog_period_s(environ, os.getpid()))

    @asynccontextmanager
    async def starting(self) -> AsyncIterator[None]:
        """Ask for more time again and again, as long as models load.

        The watchdog needs no food yet: systemd counts from READY=1 on.
        """
        async with self._extending("starting: the model servers load"):
            yield

    @asynccontextmanager
    async def _extending(self, status: str) -> AsyncIterator[None]:
        extending = asyncio.create_task(self._extend(status), name="service extension")
        try:
            yield
        finally:
            extending.cancel()

    async def _extend(self, status: str) -> None:
        for _ in range(int(_LONGEST_START_S / _EXTEND_EVERY_S)):
            self._notifier.extend(_EXTEND_BY_S, status)
            await asyncio.sleep(_EXTEND_EVERY_S)

    @asynccontextmanager
    async def watching(self, watches: Callable[[], Iterable[Looking]]) -> AsyncIterator[None]:
        """Say ready, feed the watchdog while inside, and say that the end has begun."""
        self._watches = watches
        self._say_ready()
        feeding = asyncio.create_task(self._feed(), name="watchdog")
        try:
            yield
        finally:
            self._notifier.stopping()
            feeding.cancel()

    def _say_ready(self) -> None:
        self._notifier.ready(f"watching {', '.join(watch.id for watch in self._watches())}")

    async def _feed(self) -> None:
        if self._watchdog_s is not None:
            await Watchdog(self._notifier, self._watchdog_s, self._watches).run()

    @asynccontextmanager
    async def reloading(self) -> AsyncIterator[None]:
        """Say that the configuration is read again, and ready behind it, whichever is in force then.

        New servers may load for a while meanwhile.
        """
        self._notifier.reloading()
        try:
            async with self._extending("reloading the configuration"):
                yield
        finally:
            self._say_ready()
