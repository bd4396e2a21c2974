"""The recorder: takes exceptions from anywhere, and never raises, never waits and never calls itself."""

from __future__ import annotations

import os
import platform
import threading
from collections.abc import Callable, Mapping
from dataclasses import asdict, replace
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

from foureyes.config.settings import Errors
from foureyes.config.triage import Reproduction
from foureyes.errors.arguments import ArgumentKeeper, ArgumentStore, argument_folder
from foureyes.errors.breadcrumbs import Breadcrumbs
from foureyes.errors.bug_class import classify, severity_of
from foureyes.errors.description import Description, describe, unwrapped
from foureyes.errors.event_id import EventIds
from foureyes.errors.fault import FaultEvent, Severity
from foureyes.errors.fingerprint import fingerprint
from foureyes.errors.pictures import PictureStore
from foureyes.errors.plain import plain
from foureyes.errors.spool import spool_file
from foureyes.errors.storms import Storm, Storms
from foureyes.errors.writer import FaultWriter, Item, last_resort
from foureyes.exceptions import SpoolError
from foureyes.picture import Picture

_MB = 1_000_000
_CLOSE_WITHIN_S = 2.0
_MARK = "_foureyes_event_id"


class FaultRecorder:
    """Turns exceptions into fault events on disk."""

    def __init__(
        self,
        state_dir: Path,
        settings: Errors,
        *,
        dropped: Callable[[str, str], None],
        counted: Callable[[str, str], None] = lambda _component, _severity: None,
        on_kept: Callable[[FaultEvent], None] = lambda _event: None,
        always: Mapping[str, Any] | None = None,
        keep_pictures: bool = True,
        reproduction: Reproduction | None = None,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        """Take faults from now on: what is recorded before `start` waits.

        `dropped` counts what is lost, by where and why; `counted` each fault, by component and severity; `on_kept`
        is called from the writer's thread for each event kept in full, once it is on disk. `always` is context of
        every event.
        """
        self.breadcrumbs = Breadcrumbs(settings.breadcrumbs)
        self.pictures = PictureStore(
            spool_file(state_dir).with_name("frames"),
            keep_days=settings.keep_pictures_days,
            max_bytes=settings.max_pictures_mb * _MB,
        )
        self._counted = counted
        self._dropped = dropped
        self._always = plain(always or {})
        self._utcnow = utcnow
        self._ids = EventIds()
        self._machine = platform.node()
        self._storms = Storms(settings.window_s)
        self._lock = threading.Lock()
        self._inside = threading.local()
        self._arguments = _argument_keeper(
            state_dir, reproduction or Reproduction(), self._drop, keep_pictures=keep_pictures
        )
        self._writer = FaultWriter(
            spool_file(state_dir),
            settings,
            pictures=self.pictures if keep_pictures else None,
            dropped=self._drop,
            on_kept=on_kept,
            on_trouble=self._note_trouble,
        )

    @property
    def trouble(self) -> str | None:
        """Why faults cannot be kept now; None while they can."""
        return self._writer.trouble

    def start(self) -> None:
        """Begin to write; `trouble` tells whether that can be done."""
        self._writer.start()
        self._arguments.start()

    def close(self) -> None:
        """Write what is waiting, within a bound."""
        self._writer.close(_CLOSE_WITHIN_S)
        self._arguments.close(_CLOSE_WITHIN_S)

    def record(
        self,
        error: BaseException,
        /,
        component: str,
        *,
        severity: str | None = None,
        picture: Picture | None = None,
        done: threading.Event | None = None,
        **context: Any,
    ) -> str:
        """Hand over an exception and return at once with the id of the event that stands for it.

        `done` is set once it is on disk. Cancellation and Ctrl-C are no faults; the same exception object is
        recorded once. For these, and where recording itself failed, the id is empty or the first one's.
        """
        if not isinstance(error, Exception):
            return ""
        if getattr(self._inside, "busy", False):
            self._drop("recursion", 1)
            return ""
        self._inside.busy = True
        try:
            return self._record(error, component, severity, picture, done, context)
        except Exception as trouble:  # noqa: BLE001 - whatever recording meets, the caller has its own fault to handle
            self._drop("handler_failed", 1)
            last_resort(f"a {type(error).__name__} in {component} could not be recorded: {type(trouble).__name__}")
            return ""
        finally:
            self._inside.busy = False

    def record_now(
        self, error: BaseException, /, component: str, *, within_s: float = 1.0, **context: Any
    ) -> bool:
        """Record, and wait a bounded while until it is on disk: for hooks, when the process may soon be gone."""
        done = threading.Event()
        return bool(self.record(error, component, done=done, **context)) and done.wait(within_s)

    def _record(
        self,
        error: Exception,
        component: str,
        severity: str | None,
        picture: Picture | None,
        done: threading.Event | None,
        context: Mapping[str, Any],
    ) -> str:
        marks = vars(unwrapped(error))
        if _MARK in marks:
            if done is not None:
                self._writer.when_written(done)
            return str(marks[_MARK])
        bug_class = classify(error)
        severity = severity or severity_of(bug_class)
        self._counted(component, severity)
        description = describe(error)
        name = fingerprint(description)
        with self._lock:  # the first of a storm is queued before anything that counts on it
            storm, is_kept = self._storms.note(name)
            if is_kept:
                event = self._event(description, name, storm, component, severity, bug_class, context)
                storm.kept_event = event.id
                event = self._with_arguments(event, error)
                if not self._writer.put(Item(event, picture), done):
                    self._storms.forget(name)
            else:
                self._writer.count(name, self._utcnow(), done)
        marks[_MARK] = storm.kept_event
        return storm.kept_event

    def _event(
        self,
        description: Description,
        name: str,
        storm: Storm,
        component: str,
        severity: str,
        bug_class: str,
        context: Mapping[str, Any],
    ) -> FaultEvent:
        return FaultEvent(
            id=self._ids.next(),
            fingerprint=name,
            type=description.type,
            message=description.message,
            stack=tuple(asdict(frame) for frame in description.stack),
            chain=tuple(link.as_dict() for link in description.chain),
            component=component,
            severity=str(severity),
            bug_class=str(bug_class),
            machine=self._machine,
            pid=os.getpid(),
            at=self._utcnow(),
            occurrence=storm.count,
            context={**self._always, **plain(context), "breadcrumbs": self.breadcrumbs.trail()},
        )

    def _with_arguments(self, event: FaultEvent, error: Exception) -> FaultEvent:
        """The event, which says whether the arguments of its calls are kept; that is done soon."""
        kept = self._arguments.offer(event.id, error)
        return replace(event, context={**event.context, "arguments": kept})

    def _drop(self, reason: str, number: int) -> None:
        for _ in range(number):
            self._dropped("errors", reason)

    def _note_trouble(self, error: SpoolError) -> None:
        self.record(error, "errors", severity=Severity.CRITICAL)


def _argument_keeper(
    state_dir: Path, settings: Reproduction, drop: Callable[[str, int], None], *, keep_pictures: bool
) -> ArgumentKeeper:
    store = ArgumentStore(
        argument_folder(state_dir), keep_days=settings.keep_days, max_bytes=settings.max_mb * _MB
    )
    return ArgumentKeeper(store, enabled=settings.enabled, keep_pictures=keep_pictures, dropped=drop)
