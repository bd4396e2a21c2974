"""Cerberus, the healing ladder: reload the model, restart the server, else degraded and tried again later."""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import StrEnum

from foureyes.config.settings import Restarts
from foureyes.servers.restart_budget import RestartBudget
from foureyes.servers.trouble import Ailment, Trouble


class Rung(StrEnum):
    """What is done about a trouble."""

    RELOAD = "reload the model"
    RESTART = "restart the server"
    ASK_AGAIN = "ask again later"


_OF_A_MODEL = {Ailment.MODEL, Ailment.HUNG}


class Cerberus:
    """Chooses the rung and knows how long the server has been ill; the supervisor climbs, one flight at a time.

    Source: the Cerberus protocol of the main document, its order mended: nothing is healed before a probe.
    """

    def __init__(self, rules: Restarts, now: Callable[[], float]) -> None:
        self.budget = RestartBudget(rules, now)
        self._rules = rules
        self._now = now
        self._ill_since_s: float | None = None
        self._reloaded_s: dict[str | None, float] = {}

    def rung(self, trouble: Trouble, *, can_reload: bool) -> Rung:
        """Note a trouble and say what to do about it; a reload that did not last is followed by a restart."""
        self._ill_since_s = self._now() if self._ill_since_s is None else self._ill_since_s
        if trouble.ailment is Ailment.UNAUTHORISED:
            return Rung.ASK_AGAIN
        if can_reload and trouble.ailment in _OF_A_MODEL and not self._just_reloaded(trouble.model_id):
            self._reloaded_s[trouble.model_id] = self._now()
            return Rung.RELOAD
        return Rung.RESTART

    def _just_reloaded(self, model_id: str | None) -> bool:
        return self._now() - self._reloaded_s.get(model_id, -math.inf) < self._rules.stable_s

    def healed(self) -> float | None:
        """The probe was answered: how many seconds the illness took, or None where there was none."""
        since_s, self._ill_since_s = self._ill_since_s, None
        return None if since_s is None else self._now() - since_s

    def stable(self, ready_s: float) -> None:
        """It has been ready for so many seconds: forgive its failures after a while."""
        if ready_s >= self._rules.stable_s:
            self.budget.forgive()
