"""When a server's models are loaded anew although nothing is wrong: image after image, their engines leak."""

from __future__ import annotations

import math
from collections.abc import Callable
from typing import Protocol

from foureyes.config.settings import Recycling, ServerSettings
from foureyes.exceptions import FourEyesError
from foureyes.servers.instance import Instance
from foureyes.servers.roster import Roster, load
from foureyes.telemetry.log import event
from foureyes.telemetry.resources import process_use


class Start(Protocol):
    """Starts one more instance of the server."""

    async def __call__(self, failures: int) -> Instance:
        """The instance, before any model is loaded. Raises a ServerError leaf."""
        ...


class Recycler:
    """Says when one server is to be recycled, and proves the instance that takes over from the old one."""

    def __init__(self, settings: ServerSettings, roster: Roster, start: Start, now: Callable[[], float]) -> None:
        self._settings = settings
        self._roster = roster
        self._start = start
        self._now = now
        self._last_mono_s = -math.inf

    def due(self, instance: Instance, pid: int | None) -> str | None:
        """Why the server is to be recycled now, as a sentence's end; None while it is not, or was lately."""
        rules = self._settings.recycling
        rss_bytes = process_use(pid).rss_bytes if pid is not None and rules.above_mb is not None else None
        why = recycle_due(rules, images=instance.images, rss_bytes=rss_bytes)
        is_recent = self._now() - self._last_mono_s < self._settings.restarts.stable_s
        return None if is_recent else why

    def begin(self) -> None:
        """It is recycled from now on: the next time is some while off, however this one ends."""
        self._last_mono_s = self._now()

    def say_done(self, why: str) -> None:
        """Tell that the server was recycled, and how long that took."""
        took_ms = round((self._now() - self._last_mono_s) * 1000)
        text = f"server '{self._settings.id}' was recycled {why}"
        event("server.recycled", text, server=self._settings.id, duration_ms=took_ms)

    async def successor(self) -> Instance | None:
        """A second instance whose models have answered their probes; None, and an event, where there is none."""
        try:
            return await self._proved()
        except FourEyesError as error:
            text = f"server '{self._settings.id}' could not be recycled, and goes on: {error}"
            event("server.recycling_failed", text, level="warning", server=self._settings.id)
            return None

    async def _proved(self) -> Instance:
        fresh = await self._start(0)
        try:
            for model_id in self._roster.loaded:
                await load(fresh, model_id, self._settings)
        except BaseException:
            await fresh.put_down()
            raise
        return fresh


def recycle_due(rules: Recycling, *, images: int, rss_bytes: int | None) -> str | None:
    """Why a server is to be recycled now, as a sentence's end; None while it is not."""
    if rules.above_mb is not None and rss_bytes is not None and rss_bytes > rules.above_mb * 1_000_000:
        return f"at {rss_bytes / 1e6:.0f} MB of memory (limit {rules.above_mb})"
    if rules.after_images is not None and images >= rules.after_images:
        return f"after {images} images"
    return None
