"""Models that are loaded when somebody asks for them, one loading at a time each."""

from __future__ import annotations

import threading
import time
from collections.abc import Sequence

from parts.fakes.behaviour import Behaviours
from parts.fakes.journal import Journal
from parts.fakes.kind import Settings


class OnDemand:
    """The state of each model: stopped, starting or ready (the words of 4, llama-swap)."""

    def __init__(
        self, models: Sequence[str], settings: Settings, behaviours: Behaviours, journal: Journal
    ) -> None:
        self.models, self._settings, self._behaviours, self._journal = tuple(models), settings, behaviours, journal
        self._state = dict.fromkeys(models, "stopped")
        self._locks = {model: threading.Lock() for model in models}

    def sees(self, model: str) -> bool:
        """Whether it takes pictures."""
        return model not in self._settings.text_only

    def states(self) -> dict[str, str]:
        return dict(self._state)

    def ready(self) -> list[str]:
        return [model for model, state in self._state.items() if state == "ready"]

    def load(self, model: str) -> bool:
        """Return when it is ready; False where it was told to fail."""
        with self._locks[model]:
            return self._state[model] == "ready" or self._started(model)

    def _started(self, model: str) -> bool:
        behaviour = self._behaviours.next(f"load {model}", "load *")
        self._state[model] = "starting"
        time.sleep(self._settings.load_s + behaviour.delay_s)
        self.set(model, ready=behaviour.fail is None)
        return behaviour.fail is None

    def set(self, model: str, *, ready: bool) -> None:
        """Make it ready or stop it at once."""
        self._state[model] = "ready" if ready else "stopped"
        self._journal.event("loaded" if ready else "unloaded", instance=model)
