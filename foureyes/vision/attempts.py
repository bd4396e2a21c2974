"""A task's failed attempts by model: how many in a row, and when each model may be asked again."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

from foureyes.backoff import backoff_s
from foureyes.exceptions import InferenceError, ServerBusyError, ServerError

_RETRY_FIRST_S, _RETRY_CAP_S = 2.0, 30.0
_REFUSED_FIRST_S = 1.0


@dataclass
class _Row:
    """One model's failures in a row."""

    attempts: int = 0
    finals: int = 0
    rests_until_s: float = 0.0
    is_retried: bool = False
    """Whether it rests between two attempts, not after the last one."""


class Attempts:
    """Failed attempts of one task. Three in a row, or one that would be refused again, are one final failure."""

    def __init__(self, task: str, *, most: int, longest_rest_s: float, now: Callable[[], float]) -> None:
        self._task = task
        self._most = most
        self._longest_rest_s = longest_rest_s
        self._now = now
        self._rows: dict[str, _Row] = {}

    def fail(self, model: str, error: ServerError) -> InferenceError | None:
        """Note a failed attempt; return the final failure, its cause the true last error, where this was it."""
        row = self._rows.setdefault(model, _Row())
        row.attempts += 1
        if error.retryable and row.attempts < self._most:
            self._rest(row, backoff_s(row.attempts, first_s=_RETRY_FIRST_S, cap_s=_RETRY_CAP_S), error)
            row.is_retried = True
            return None
        text = f"task '{self._task}' could not be read by '{model}' in {row.attempts} attempts: {error}"
        row.finals, row.attempts, row.is_retried = row.finals + 1, 0, False
        # the same question may well be refused again: ask now and then, not at each look
        refused_s = backoff_s(row.finals, first_s=_REFUSED_FIRST_S, cap_s=self._longest_rest_s)
        self._rest(row, 0.0 if error.retryable else refused_s, error)
        final = InferenceError(text)
        final.__cause__ = error
        return final

    def _rest(self, row: _Row, pause_s: float, error: ServerError) -> None:
        asked_for_s = error.retry_after_s if isinstance(error, ServerBusyError) else 0.0
        row.rests_until_s = self._now() + max(pause_s, min(asked_for_s, self._longest_rest_s))

    def succeed(self, model: str) -> bool:
        """Forget the model's failures; whether one of them was final."""
        row = self._rows.pop(model, None)
        return row is not None and row.finals > 0

    def is_first_final(self, model: str) -> bool:
        """Whether the model has finally failed once since it last answered."""
        row = self._rows.get(model)
        return row is not None and row.finals == 1

    def resting(self) -> frozenset[str]:
        """The models that are not to be asked now."""
        return frozenset(model for model, row in self._rows.items() if row.rests_until_s > self._now())

    def retry_in_s(self) -> float | None:
        """Seconds until the next attempt of a model that is being retried; None where none is."""
        due = [row.rests_until_s - self._now() for row in self._rows.values() if row.is_retried]
        return max(0.0, min(due)) if due else None

    def wake(self, model: str) -> None:
        """What stood in the model's way has changed: its next attempt need not wait."""
        if (row := self._rows.get(model)) is not None:
            row.rests_until_s = 0.0
