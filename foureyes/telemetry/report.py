"""How a part of FourEyes hands over an exception, without knowing who keeps it."""

from __future__ import annotations

from typing import Any, Protocol

from foureyes.picture import Picture


class Report(Protocol):
    """Takes an exception, what it happened to, and the picture it is about; never raises and never waits."""

    def __call__(
        self,
        error: BaseException,
        /,
        component: str,
        *,
        severity: str | None = None,
        picture: Picture | None = None,
        **context: Any,
    ) -> object:
        """Hand over one exception; `context` is kept with it."""
        ...


def report_to_nobody(
    error: BaseException,
    /,
    component: str,
    **context: Any,
) -> None:
    """Where faults are not kept."""
