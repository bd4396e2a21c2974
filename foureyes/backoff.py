"""How long to wait before the next attempt: doubling, bounded, with jitter that never makes it shorter."""

from __future__ import annotations

import random
from collections.abc import Callable


def backoff_s(
    attempt: int, *, first_s: float, cap_s: float, jitter: float = 0.2, chance: Callable[[], float] = random.random
) -> float:
    """Seconds after failure 1, 2, 3...: `first_s` doubled each time, up to `jitter` longer, at most `cap_s`."""
    return min(cap_s, first_s * 2.0 ** min(attempt - 1, 30) * (1 + jitter * chance()))
