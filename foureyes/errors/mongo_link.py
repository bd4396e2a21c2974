"""Whether MongoDB takes what it is sent: said once on the way down and once on the way up."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from foureyes.backoff import backoff_s
from foureyes.errors.mongo_store import is_refusal, reason_of
from foureyes.exceptions import MongoError, MongoLostError, MongoRefusedError
from foureyes.telemetry.log import event

REFUSED_RETRY_S = 60.0
_FIRST_RETRY_S, _CAP_S = 0.5, 2.0


class MongoLink:
    """The state of the way to MongoDB: starting, ok, away, or refused, which a person must mend."""

    def __init__(self, report: Callable[..., Any], refused_retry_s: float) -> None:
        self._report = report
        self._refused_retry_s = refused_retry_s
        self._state, self._reason = "starting", ""
        self._failures = 0

    @property
    def is_down(self) -> bool:
        """Whether MongoDB did not take what it was sent last."""
        return self._failures > 0

    def component(self) -> dict[str, Any]:
        """The state and why, for /health."""
        return {"state": self._state, "reason": self._reason or None}

    def succeeded(self) -> None:
        """MongoDB has taken everything."""
        if self._state != "ok":
            event("mongo.connected", f"faults are {'again ' if self._failures else ''}written to MongoDB")
        self._state, self._reason, self._failures = "ok", "", 0

    def failed(self, error: Exception) -> float:
        """MongoDB has not taken everything; how long to leave it in peace. Its loss is a fault of its own."""
        before, self._state = self._state, "refused" if is_refusal(error) else "away"
        self._reason = reason_of(error)
        self._failures += 1
        if self._state != before:
            self._tell(error)
        if self._state == "refused":
            return self._refused_retry_s
        return backoff_s(self._failures, first_s=_FIRST_RETRY_S, cap_s=_CAP_S)

    def _tell(self, error: Exception) -> None:
        loss: MongoError = (
            MongoRefusedError(f"MongoDB refuses this configuration; see the section mongo: {self._reason}")
            if self._state == "refused"
            else MongoLostError(f"MongoDB is away, faults stay in the spool until it is back: {self._reason}")
        )
        loss.__cause__ = error
        event("mongo.lost", str(loss), level="error", state=self._state)
        self._report(loss, component="mongo")
