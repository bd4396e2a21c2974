"""Reloads of the configuration: read again off the event loop, refused as a whole or put into force as a whole."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Mapping
from datetime import UTC, datetime
from typing import Any

from foureyes.config import Settings
from foureyes.config.digest import config_digest
from foureyes.daemon.composition import Composition
from foureyes.daemon.difference import Difference, at_next_start
from foureyes.exceptions import AuditError, ConfigError, SourceError, UsageError
from foureyes.frames.own_thread import OwnThread
from foureyes.redaction import redact_text
from foureyes.service.session import ServiceSession
from foureyes.telemetry.audit import Audit
from foureyes.telemetry.log import event
from foureyes.telemetry.metrics import Metrics
from foureyes.telemetry.report import Report

_READ_WITHIN_S = 30.0
_MOST_FAULTS = 100

Load = Callable[[], Settings]
"""Reads the configuration from where it was read first, with the same command line on top."""


class Reloads:
    """One reload after the other, never two at once; wishes that come meanwhile are one more."""

    def __init__(
        self,
        load: Load,
        composition: Composition,
        metrics: Metrics,
        tell: Callable[[str, Mapping[str, Any]], None],
        wished: asyncio.Event,
        report: Report,
        audit: Audit,
    ) -> None:
        self._load = load
        self._composition = composition
        self._metrics = metrics
        self._tell = tell
        self._wished = wished
        self._report = report
        self._audit = audit
        self._started_with = composition.settings
        self._reader = OwnThread("configuration")
        self._loaded_at = datetime.now(UTC)
        self._digest = config_digest(composition.settings)
        self._refused: dict[str, Any] | None = None
        self._waiting: list[asyncio.Future[str | None]] = []
        self._began_mono_s = time.monotonic()

    def document(self) -> dict[str, Any]:
        """The configuration in force and what was refused since, for /health."""
        return {
            "digest": self._digest,
            "loaded_at": self._loaded_at.isoformat(timespec="seconds"),
            "at_next_start": list(self._at_next_start()),
            "refused": self._refused,
        }

    async def run(self, service: ServiceSession) -> None:
        """Reload whenever it is wished, until cancelled."""
        while True:
            await self._wished.wait()
            self._wished.clear()
            waiting, self._waiting = self._waiting, []
            before = self._digest
            async with service.reloading():
                await self._reload()
            if not waiting and self._digest != before:  # who had it reloaded from here writes of that himself
                await self._note(before)
            for each in waiting:
                if not each.done():
                    each.set_result(self._refused["reason"] if self._refused else None)

    async def reloaded(self) -> str | None:
        """Have what stands in the file now read and put into force; why it was refused, None where it was not."""
        through: asyncio.Future[str | None] = asyncio.get_running_loop().create_future()
        self._waiting.append(through)
        self._wished.set()
        return await through

    async def _reload(self) -> None:
        self._began_mono_s = time.monotonic()
        try:
            async with self._composition.changing:
                change = await self._composition.change_to(await self._read())
        except (ConfigError, UsageError, SourceError) as error:
            self._refuse(_faults(error))
        except Exception as error:  # noqa: BLE001 - a fault of ours in a reload must not end the watch
            self._report(error, "config")
            self._refuse([f"a fault of FourEyes itself: {error}"], error)
        else:
            self._apply(change)

    async def _note(self, before: str) -> None:
        try:
            await asyncio.to_thread(self._audit.record, "signal SIGHUP", "reload", before, self._digest)
        except AuditError as error:
            self._report(error, "config")

    async def _read(self) -> Settings:
        try:
            async with asyncio.timeout(_READ_WITHIN_S):
                return await self._reader.run(self._load)
        except TimeoutError:
            self._reader = OwnThread("configuration")  # the old one is left to the call that hangs
            raise UsageError(f"it could not be read within {_READ_WITHIN_S:g} s; see where it lies") from None

    def _refuse(self, faults: list[str], error: Exception | None = None) -> None:
        reason = redact_text("; ".join(faults))
        self._refused = {"at": datetime.now(UTC).isoformat(timespec="seconds"), "reason": reason}
        self._metrics.config_reload("refused")
        self._tell("config", {"outcome": "refused", "reason": reason})
        text = f"the configuration was not reloaded, the one in force stays: {reason}"
        event("config.refused", text, level="error", error=error, duration_ms=self._took_ms(), outcome="failed")

    def _apply(self, change: Difference) -> None:
        self._loaded_at, self._refused = datetime.now(UTC), None
        self._digest = config_digest(self._composition.settings)
        later = self._at_next_start()
        text = f"{change}; takes effect at the next start: {', '.join(later)}" if later else str(change)
        self._metrics.config_reload("applied")
        self._tell("config", {"outcome": "applied", "reason": text})
        event("config.reloaded", f"configuration reloaded: {text}", duration_ms=self._took_ms(), outcome="ok")

    def _took_ms(self) -> int:
        return round((time.monotonic() - self._began_mono_s) * 1000)

    def _at_next_start(self) -> tuple[str, ...]:
        return at_next_start(self._started_with, self._composition.settings)


def _faults(error: ConfigError | UsageError | SourceError) -> list[str]:
    if not isinstance(error, ConfigError):
        return [str(error)]
    shown = [str(fault) for fault in error.faults[:_MOST_FAULTS]]
    more = len(error.faults) - len(shown)
    return [f"{error.origin}: {shown[0]}", *shown[1:], *([f"and {more} more"] if more else [])]
