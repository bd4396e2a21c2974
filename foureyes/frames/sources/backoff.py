"""Pauses between attempts at something that fails: doubled each time, with jitter, and told at once meanwhile."""

from __future__ import annotations

from collections.abc import Callable

from foureyes.backoff import backoff_s
from foureyes.exceptions import SourceError

FIRST_S = 1.0
LONGEST_S = 30.0
JITTER = 0.25


class Backoff:
    """1 s after the first failure, doubled up to 30 s; jitter makes a pause up to a quarter longer.

    Inside a pause `check` raises the last error again, so that whoever asks on a clock is never held up.
    """

    def __init__(self, *, now: Callable[[], float], rng: Callable[[], float]) -> None:
        """`now`: monotonic seconds; `rng`: uniform in 0 to 1."""
        self._now, self._rng = now, rng
        self._error: SourceError | None = None
        self._until_s = 0.0
        self._failures = 0

    def check(self) -> None:
        """Raise the last failure while its pause lasts."""
        if self._error is not None and self._now() < self._until_s:
            raise type(self._error)(
                str(self._error)
            ) from self._error  # a fresh one: a traceback grows when raised

    def failed(self, error: SourceError) -> None:
        """Begin the next, longer pause."""
        self._error = error
        self._failures += 1
        pause_s = backoff_s(self._failures, first_s=FIRST_S, cap_s=LONGEST_S, jitter=JITTER, chance=self._rng)
        self._until_s = self._now() + pause_s

    def succeeded(self) -> None:
        """Forget all failures."""
        self._error, self._failures = None, 0
