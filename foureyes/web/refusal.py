"""Requests that are refused: the answer, and a word in the log that no flood of them can repeat."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from cachetools import TTLCache
from fastapi.responses import JSONResponse

from foureyes.telemetry.log import event

_SAID_ONCE_IN_S = 60.0
_MOST_SAID = 1000


def refusal(status: int, message: str, headers: Mapping[str, str] | None = None) -> JSONResponse:
    """The answer to a request that is refused; one for want of the token says so by its header."""
    proof = {"WWW-Authenticate": "Bearer"} if status == 401 else {}
    return JSONResponse({"error": {"message": message}}, status, {**proof, **(headers or {})})


class Refusals:
    """Each kind of refusal of each client is logged once a minute."""

    def __init__(self, now: Callable[[], float]) -> None:
        self._said: TTLCache[tuple[str, str], None] = TTLCache(_MOST_SAID, _SAID_ONCE_IN_S, timer=now)

    def say(self, name: str, client: str, message: str, **fields: Any) -> None:
        """Log the event `security.NAME`."""
        if (name, client) not in self._said:
            self._said[name, client] = None
            event(f"security.{name}", message, level="warning", client=client, **fields)
