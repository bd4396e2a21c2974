"""A request to a model server and what came of it, as it is kept with a fault."""

from __future__ import annotations

import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from contextvars import ContextVar
from dataclasses import dataclass, replace
from typing import Any

BLAMED = "exchange"
"""The attribute of an exception that holds its request."""


@dataclass(frozen=True)
class RecordedExchange:
    """One request and its answer, or how there was none."""

    method: str
    route: str
    body: Mapping[str, Any] | None
    began_mono_s: float
    seconds: float
    """Until the answer, or for how long there was none."""
    status: int | None = None
    """None where there was no answer."""
    headers: Mapping[str, str] | None = None
    data: bytes = b""
    failure: str = ""
    """The type of what went wrong on the way; empty where an answer came. A cancelled one waited in vain."""


_last: ContextVar[RecordedExchange | None] = ContextVar("last_exchange", default=None)
"""Of the task that runs: whoever finds fault with an answer knows what was asked."""


class Asked:
    """A request under way."""

    def __init__(self, method: str, route: str, body: Mapping[str, Any] | None) -> None:
        self._began_s = time.monotonic()
        self._known = RecordedExchange(method, route, body, self._began_s, 0.0)

    def answered(self, status: int, headers: Mapping[str, str], data: bytes = b"") -> None:
        """An answer has come, or its head."""
        self._keep(replace(self._known, status=status, headers=headers, data=data))

    def failed(self, error: BaseException) -> None:
        """There is none, or not all of it."""
        self._keep(replace(self._known, failure=type(error).__name__))

    def _keep(self, known: RecordedExchange) -> None:
        self._known = replace(known, seconds=time.monotonic() - self._began_s)
        _last.set(self._known)


@contextmanager
def recorded(method: str, route: str, body: Mapping[str, Any] | None) -> Iterator[Asked]:
    """Remember a request and what comes of it, until the next one."""
    asked = Asked(method, route, body)
    try:
        yield asked
    except BaseException as error:
        asked.failed(error)
        raise


@contextmanager
def blamed() -> Iterator[None]:
    """Have an exception that is raised inside carry the request that it is about."""
    try:
        yield
    except Exception as error:
        vars(error).setdefault(BLAMED, _last.get())
        raise


def forget() -> None:
    """Nobody finds fault with the last answer any more."""
    _last.set(None)
