"""A token bucket: so many requests a second on average, and a few at once.

Our own, because aiolimiter waits where a look must go on, on a clock that no test can move, and limits counts on
the wall clock.
"""

from __future__ import annotations

import time
from collections.abc import Callable


class TokenBucket:
    """Starts full; a token that is not there is not waited for."""

    def __init__(self, rate_per_s: float, burst: int, now: Callable[[], float] = time.monotonic) -> None:
        self._rate_per_s = rate_per_s
        self._burst = burst
        self._now = now
        self._tokens = float(burst)
        self._filled_mono_s = now()

    def take(self) -> bool:
        """Take one token; False where none is there."""
        now_s = self._now()
        self._tokens = min(self._burst, self._tokens + (now_s - self._filled_mono_s) * self._rate_per_s)
        self._filled_mono_s = now_s
        if self._tokens < 1:
            return False
        self._tokens -= 1
        return True
