"""A thread that writes, behind a bounded queue: who hands over never waits for a disk or a pipe."""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")

_WAITING = 1000
_CLOSE_WITHIN_S = 2.0


class BackgroundWriter(Generic[T]):
    """Calls `write` for each thing in order; when too many wait the oldest goes.

    `dropped` is called with the reason for each that was lost (queue_full, write_failed, closed). `said` is called
    once with the error when writing begins to fail, and once with None when it works again.
    """

    def __init__(
        self,
        name: str,
        write: Callable[[T], None],
        *,
        dropped: Callable[[str], None],
        said: Callable[[OSError | None], None],
        waiting: int = _WAITING,
    ) -> None:
        self._write = write
        self._dropped = dropped
        self._said = said
        self._failing = False
        self._closed = False
        self._waiting: queue.Queue[T | None] = queue.Queue(waiting)
        self._thread = threading.Thread(target=self._write_all, name=name, daemon=True)
        self._thread.start()

    def put(self, thing: T) -> None:
        """Queue one thing; never blocks."""
        if self._closed:
            self._dropped("closed")
        else:
            self._queue(thing)

    def close(self, within_s: float = _CLOSE_WITHIN_S) -> bool:
        """Write what is waiting, within a bound; what is left is counted. Returns whether the thread has ended."""
        if not self._closed:
            self._closed = True
            self._queue(None)
            self._thread.join(within_s)
        if self._thread.is_alive():
            while self._drop_oldest("closed"):
                pass
            self._queue(None)  # for a thread that is let go later
        return not self._thread.is_alive()

    def _queue(self, thing: T | None) -> None:
        while True:
            try:
                self._waiting.put_nowait(thing)
            except queue.Full:
                self._drop_oldest("queue_full")
            else:
                return

    def _drop_oldest(self, reason: str) -> bool:
        try:
            thing = self._waiting.get_nowait()
        except queue.Empty:
            return False
        if thing is not None:
            self._dropped(reason)
        return True

    def _write_all(self) -> None:
        while (thing := self._waiting.get()) is not None:
            try:
                self._write(thing)
            except OSError as error:
                self._dropped("write_failed")
                self._say(error)
            else:
                self._say(None)

    def _say(self, error: OSError | None) -> None:
        failing = error is not None
        if failing != self._failing:
            self._failing = failing
            self._said(error)
