"""The circuit breaker: a server that failed again and again is not asked for a while, then tried with care.

The libraries for this count open time on the wall clock and let any number of calls through while half-open.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from enum import StrEnum

from foureyes.config.settings import Breaker
from foureyes.exceptions import BreakerOpenError, ServerError, ServerReplyError
from foureyes.telemetry.log import event


class BreakerState(StrEnum):
    """Closed lets every call through, open none, half-open a few at once."""

    CLOSED = "closed"
    OPEN = "open"
    HALF_OPEN = "half-open"


class CircuitBreaker:
    """One server's breaker. Who refuses for good, or answers nonsense, is alive: that does not count."""

    def __init__(self, server: str, settings: Breaker, now: Callable[[], float] = time.monotonic) -> None:
        self._server = server
        self._settings = settings
        self._now = now
        self._opened_mono_s: float | None = None
        self._turns = 0
        """How often it opened or closed: what a call says that began before the last time counts no more."""
        self._failures = 0
        self._successes = 0
        self._trying = 0

    @property
    def state(self) -> BreakerState:
        """Where it stands now."""
        if self._opened_mono_s is None:
            return BreakerState.CLOSED
        return BreakerState.OPEN if self._left_s() > 0 else BreakerState.HALF_OPEN

    def admits(self) -> bool:
        """Whether a call would be let through now; asking changes nothing."""
        if self.state is BreakerState.HALF_OPEN:
            return self._trying < self._settings.probes
        return self.state is BreakerState.CLOSED

    @contextmanager
    def call(self) -> Iterator[None]:
        """Make one call inside; its outcome is counted, and a cancelled one only gives its place back.

        Raises BreakerOpenError where the call is not let through.
        """
        if not self.admits():
            raise self._refusal()
        turn = self._turns
        self._trying += 1
        try:
            yield
        except ServerError as error:
            self._done(turn, error if error.retryable and not isinstance(error, ServerReplyError) else None)
            raise
        except BaseException:  # cancelled, or a fault of ours: it says nothing of the server
            self._give_back(turn)
            raise
        self._done(turn, None)

    def reset(self) -> None:
        """Close it at once: the server was started anew, and proved by a probe."""
        if self._opened_mono_s is not None:
            self._close()

    def _refusal(self) -> BreakerOpenError:
        left_s = max(self._left_s(), 0.0)
        when = f"asked again in {left_s:.0f} s" if left_s else "being tried just now"
        return BreakerOpenError(
            f"server '{self._server}' failed too often in a row; it is {when}", retry_after_s=left_s
        )

    def _left_s(self) -> float:
        opened_s = self._opened_mono_s
        return 0.0 if opened_s is None else opened_s + self._settings.open_s - self._now()

    def _give_back(self, turn: int) -> None:
        if turn == self._turns:
            self._trying -= 1

    def _done(self, turn: int, error: ServerError | None) -> None:
        if turn != self._turns:
            return
        self._trying -= 1
        if error is None:
            self._succeeded()
        else:
            self._failed(error)

    def _succeeded(self) -> None:
        self._failures = 0
        if self._opened_mono_s is None:
            return
        self._successes += 1
        if self._successes >= self._settings.probes:
            self._close()

    def _close(self) -> None:
        self._turn(None)
        event("breaker.closed", f"server '{self._server}' is asked again as usual", server=self._server)

    def _failed(self, error: ServerError) -> None:
        self._failures += 1
        if self._opened_mono_s is None and self._failures < self._settings.failures:
            return
        first = self._opened_mono_s is None
        self._turn(self._now())
        event(
            "breaker.opened",
            f"server '{self._server}' is not asked for {self._settings.open_s:g} s: {error}",
            level="warning" if first else "debug",
            server=self._server,
        )

    def _turn(self, opened_mono_s: float | None) -> None:
        self._opened_mono_s = opened_mono_s
        self._turns += 1
        self._failures = self._successes = self._trying = 0
