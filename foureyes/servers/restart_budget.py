"""How often a server may be restarted, and how long to wait before the next time."""

from __future__ import annotations

import random
from collections import deque
from collections.abc import Callable

from foureyes.backoff import backoff_s
from foureyes.config.settings import Restarts

_FIRST_S, _FAILED_CAP_S = 1.0, 30.0


class RestartBudget:
    """Failures and restarts in a sliding window: the first restart comes at once, later ones wait ever longer."""

    def __init__(
        self, rules: Restarts, now: Callable[[], float], chance: Callable[[], float] = random.random
    ) -> None:
        self._rules = rules
        self._now = now
        self._chance = chance
        self._failures: deque[float] = deque(maxlen=rules.most + rules.degraded_after + 1)
        self._restarts: deque[float] = deque(maxlen=rules.most)

    @property
    def recent(self) -> int:
        """Failures in the window."""
        return sum(self._now() - at_s < self._rules.window_s for at_s in self._failures)

    @property
    def is_degraded(self) -> bool:
        """Whether as many restarts as are allowed to fail have failed."""
        return self.recent > self._rules.degraded_after

    def fail(self) -> None:
        """Note a failure."""
        self._failures.append(self._now())

    def restart(self) -> None:
        """Note a restart: it comes a pause after its failure, which the window may have let go of by then."""
        self._restarts.append(self._now())

    def forgive(self) -> None:
        """A stable time lies behind us: begin anew."""
        self._failures.clear()
        self._restarts.clear()

    def pause_s(self, *, cap_s: float | None = None) -> float:
        """Seconds to wait before the next start; `cap_s` bounds it where an attempt costs nothing."""
        pause_s = self._backoff_s()
        return min(pause_s, cap_s) if cap_s is not None else max(pause_s, self._until_affordable_s())

    def _backoff_s(self) -> float:
        if self.recent <= 1:
            return 0.0
        cap_s = self._rules.cap_s if self.is_degraded else min(_FAILED_CAP_S, self._rules.cap_s)
        return backoff_s(self.recent - 1, first_s=_FIRST_S, cap_s=cap_s, chance=self._chance)

    def _until_affordable_s(self) -> float:
        """Seconds until fewer than the most restarts lie in the window."""
        if len(self._restarts) < self._rules.most:
            return 0.0
        return self._restarts[0] + self._rules.window_s - self._now()
