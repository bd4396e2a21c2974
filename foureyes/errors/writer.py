"""The one thread that writes faults: whatever has come together is one commit."""

from __future__ import annotations

import contextlib
import sys
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from datetime import UTC, datetime
from pathlib import Path

from foureyes.config.settings import Errors
from foureyes.errors.database import set_aside
from foureyes.errors.fault import FaultEvent
from foureyes.errors.pictures import PictureStore, name_of
from foureyes.errors.room import make_room, remove_old
from foureyes.errors.spool import Repeats, Spool
from foureyes.exceptions import PictureError, SpoolCorruptError, SpoolError
from foureyes.picture import Picture
from foureyes.telemetry.log import event as log_event

_MB = 1_000_000
_MOST_WAITING = 1000
_COUNTS_WITHIN_S = 0.5
"""How long counts may wait for company: what a kill may cost of them."""
_RETRY_S = 1.0
_START_WITHIN_S = 5.0
_TIDY_EVERY_S = 60.0


@dataclass(frozen=True)
class Item:
    """An event to be kept in full, and the picture it is about."""

    event: FaultEvent
    picture: Picture | None = None


@dataclass
class _Batch:
    """What is written in one transaction, and who waits for it."""

    items: list[Item] = field(default_factory=list)
    repeats: dict[str, Repeats] = field(default_factory=dict)
    waiting: list[threading.Event] = field(default_factory=list)

    def __bool__(self) -> bool:
        return bool(self.items or self.repeats or self.waiting)


class FaultWriter:
    """Takes faults from any thread without waiting; `trouble` says why they cannot be written now."""

    def __init__(
        self,
        file: Path,
        settings: Errors,
        *,
        pictures: PictureStore | None,
        dropped: Callable[[str, int], None],
        on_kept: Callable[[FaultEvent], None],
        on_trouble: Callable[[SpoolError], None],
        now: Callable[[], float] = time.monotonic,
        utcnow: Callable[[], datetime] = lambda: datetime.now(UTC),
    ) -> None:
        self.trouble: str | None = None
        self._file = file
        self._settings = settings
        self._pictures = pictures
        self._dropped = dropped
        self._on_kept = on_kept
        self._on_trouble = on_trouble
        self._now = now
        self._utcnow = utcnow
        self._spool: Spool | None = None
        self._batch = _Batch()
        self._ready = threading.Condition()
        self._closing = threading.Event()
        self._tried = threading.Event()
        self._tidied_mono_s: float | None = None
        self._is_full = False
        self._thread = threading.Thread(target=self._run, name="faults", daemon=True)

    def start(self) -> None:
        """Begin to write; returns when it is known whether that can be done, within a bound.

        Whoever opens the spool after this finds the one that is written to.
        """
        self._thread.start()
        self._tried.wait(_START_WITHIN_S)

    def put(self, item: Item, done: threading.Event | None = None) -> bool:
        """Queue an event; `done` is set once it is on disk. Where too many wait it only counts: False."""
        with self._ready:
            has_room = len(self._batch.items) < _MOST_WAITING
            if has_room:
                self._batch.items.append(item)
                self._add_waiting(done)
        if not has_room:
            self._dropped("queue_full", 1)
            self.count(item.event.fingerprint, item.event.at)
        return has_room

    def count(self, fingerprint: str, at: datetime, done: threading.Event | None = None) -> None:
        """Queue one more of a storm; `done` is set once its count is on disk."""
        with self._ready:
            is_known = bool(self._batch)  # it waits for company already: to wake it each time would cost much
            before = self._batch.repeats.get(fingerprint)
            self._batch.repeats[fingerprint] = Repeats(fingerprint, before.times + 1 if before else 1, at)
            if done is not None or not is_known:
                self._add_waiting(done)

    def when_written(self, done: threading.Event) -> None:
        """Set `done` once all that is queued now is on disk."""
        with self._ready:
            self._add_waiting(done)

    def _add_waiting(self, done: threading.Event | None) -> None:
        if done is not None:
            self._batch.waiting.append(done)
        self._ready.notify()

    def close(self, within_s: float) -> None:
        """Write what is waiting, within a bound; what is left is counted."""
        self._closing.set()
        with self._ready:
            self._ready.notify()
        if self._thread.is_alive():
            self._thread.join(within_s)
        self._drop(self._batch, "closed")

    def _run(self) -> None:
        self._write(_Batch())  # whether faults can be kept is known from the start
        while (batch := self._taken()) is not None:
            self._write(batch)
            self._tidy()
        if self._spool is not None:
            with contextlib.suppress(SpoolError):
                self._spool.close()

    def _taken(self) -> _Batch | None:
        """What has come together; None at the end. Counts alone wait a while for more of them."""
        with self._ready:
            self._ready.wait_for(lambda: self._batch or self._closing.is_set(), _TIDY_EVERY_S)
            self._ready.wait_for(self._is_urgent, _COUNTS_WITHIN_S if self._batch else 0)
            batch, self._batch = self._batch, _Batch()
            return None if self._closing.is_set() and not batch else batch

    def _is_urgent(self) -> bool:
        return bool(self._batch.items or self._batch.waiting) or self._closing.is_set()

    def _write(self, batch: _Batch) -> None:
        """Write a batch, however long the disk refuses; at the end of the daemon only once more."""
        while True:
            try:
                self._commit(batch)
            except SpoolCorruptError as error:
                if not self._begin_anew(error) and self._closing.wait(_RETRY_S):
                    self._drop(batch, "unwritable")
                    return
            except SpoolError as error:
                self._say(error)
                if not error.retryable or self._closing.wait(_RETRY_S):
                    self._drop(batch, "unwritable")
                    return
            except Exception as error:  # noqa: BLE001 - a fault in keeping faults must not end the keeping
                last_resort(f"faults could not be kept: {type(error).__name__}: {error}")
                self._drop(batch, "handler_failed")
                return
            else:
                self._say(None)
                return

    def _commit(self, batch: _Batch) -> None:
        spool = self._opened()
        if not batch:
            return
        removed, has_room = make_room(spool, self._settings.max_mb * _MB)
        self._lose("evicted", removed, "went to make room for newer ones")
        batch.items = [self._with_digest(item) for item in batch.items]
        events = [item.event for item in batch.items]
        self._note_refused(spool.write(events, batch.repeats.values(), new_groups=has_room), has_room=has_room)
        for done in batch.waiting:
            done.set()
        for item in batch.items:  # behind the event: who waits for it does not wait for its picture
            self._keep_picture(item)
            self._on_kept(item.event)

    def _opened(self) -> Spool:
        if self._spool is None:
            self._spool = Spool(self._file, check=True)
        return self._spool

    def _with_digest(self, item: Item) -> Item:
        """The event with the digest of its picture, which is kept beside it."""
        if item.picture is None or self._pictures is None:
            return item
        frame = {**item.event.context.get("frame", {}), "digest": name_of(item.picture)}
        return replace(item, event=replace(item.event, context={**item.event.context, "frame": frame}))

    def _keep_picture(self, item: Item) -> None:
        if item.picture is None or self._pictures is None:
            return
        try:
            self._pictures.keep(item.picture)
        except (OSError, PictureError):
            self._dropped("picture", 1)

    def _note_refused(self, refused: int, *, has_room: bool) -> None:
        self._dropped("spool_full", refused)
        if self._is_full == has_room:
            self._is_full = not has_room
            text = "has room again" if has_room else "is full of first events: faults of a new kind are refused"
            log_event("errors.room", f"{self._file} {text}", level="info" if has_room else "error")

    def _begin_anew(self, error: SpoolCorruptError) -> bool:
        """Set a damaged spool aside and begin a new one; whether that could be done."""
        try:
            if self._spool is not None:
                self._spool.close()
            self._spool = None
            kept = set_aside(self._file)
            self._opened().audit(self._utcnow(), "set aside", str(kept), str(error))
        except SpoolError as trouble:
            self._say(trouble)
            return False
        log_event("errors.set_aside", f"{error}; it is kept as {kept.name}, and a new one is begun", level="error")
        self._on_trouble(error)
        return True

    def _tidy(self) -> None:
        """Remove what is too old, now and then."""
        now_s = self._now()
        if self._tidied_mono_s is not None and now_s - self._tidied_mono_s < _TIDY_EVERY_S:
            return
        self._tidied_mono_s = now_s
        with contextlib.suppress(SpoolError, OSError):  # the next write says so
            if self._spool is not None:
                removed = remove_old(self._spool, self._utcnow(), self._settings.keep_days)
                self._lose("too_old", removed, "were too old")
            if self._pictures is not None:
                self._dropped("old_picture", self._pictures.prune())

    def _drop(self, batch: _Batch, reason: str) -> None:
        number = len(batch.items) + sum(repeat.times for repeat in batch.repeats.values())
        self._lose(reason, number, "could not be kept", level="error")

    def _lose(self, reason: str, number: int, text: str, *, level: str = "info") -> None:
        if number:
            self._dropped(reason, number)
            log_event("errors.lost", f"{number} events of recorded faults {text}", level=level, reason=reason)

    def _say(self, error: SpoolError | None) -> None:
        """Say once that faults cannot be kept, and once that they can be again."""
        before, self.trouble = self.trouble, str(error) if error else None
        self._tried.set()
        if error is not None and before is None:
            text = f"faults cannot be kept, and FourEyes goes on without: {error}"
            log_event("errors.failing", text, level="error")
        elif error is None and before is not None:
            log_event("errors.recovered", "faults are kept again")


def last_resort(text: str) -> None:
    """Say on stderr what nothing else could take; a stderr that is gone cannot be told so."""
    with contextlib.suppress(OSError, ValueError, AttributeError):
        sys.stderr.write(f"foureyes: {text}\n")
