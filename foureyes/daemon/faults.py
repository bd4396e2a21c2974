"""The recording of faults around a whole daemon: begun first, ended last."""

from __future__ import annotations

import platform
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from foureyes import __version__
from foureyes.config import Settings
from foureyes.config.digest import config_digest
from foureyes.errors.fault import BEGAN_AT, FaultEvent
from foureyes.errors.intercept import hooked, intercepted, loop_hooked
from foureyes.errors.plain import stamp
from foureyes.errors.recorder import FaultRecorder
from foureyes.errors.spool import spool_file
from foureyes.exceptions import PortTakenError, UsageError
from foureyes.telemetry.log import also_told
from foureyes.telemetry.metrics import Metrics

if TYPE_CHECKING:
    from foureyes.errors.mongo import MongoWriter

_REFUSALS = (UsageError, PortTakenError)
"""Said to whoever starts a daemon; nothing was at fault."""


@contextmanager
def faults_kept(
    settings: Settings, metrics: Metrics, on_kept: Callable[[FaultEvent], None]
) -> Iterator[FaultRecorder]:
    """Record what is reported, what nobody catches and what ends the daemon, while inside.

    A spool that cannot be opened is said aloud and does not stop the daemon.
    """
    recorder = FaultRecorder(
        settings.state_dir,
        settings.errors,
        dropped=metrics.dropped,
        counted=metrics.fault,
        on_kept=on_kept,
        reproduction=settings.triage.reproduction,
        always={
            BEGAN_AT: stamp(datetime.now(UTC)),
            "config_digest": config_digest(settings),
            "versions": {"foureyes": __version__, "python": platform.python_version(), "os": platform.platform()},
        },
        keep_pictures=settings.capture.keep_frames == "allowed",
    )
    recorder.start()
    try:
        ends = intercepted(recorder.record, "daemon", expected=_REFUSALS)
        with also_told(recorder.breadcrumbs.write), hooked(recorder), loop_hooked(recorder), ends:
            yield recorder
    finally:
        recorder.close()


def mongo_writer(settings: Settings, recorder: FaultRecorder, metrics: Metrics) -> MongoWriter | None:
    """What brings the faults to MongoDB; None without a uri. Raises ConfigError where that is none."""
    if settings.mongo.uri is None:
        return None
    # its driver is several megabytes, which a daemon without MongoDB need not hold
    from foureyes.errors.mongo import MongoWriter  # noqa: PLC0415
    from foureyes.errors.mongo_store import MongoStore  # noqa: PLC0415

    return MongoWriter(
        MongoStore(settings.mongo.uri.get_secret_value(), settings.mongo),
        spool_file(settings.state_dir),
        settings.mongo,
        report=recorder.record,
        counted=metrics.error_outbox,
    )
