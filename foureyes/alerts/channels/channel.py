"""What every way to an operator is."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol


class Channel(Protocol):
    """Delivers notices, each as the JSON values of `Notice.as_dict`."""

    def check(self) -> str:
        """What it delivers to, without a secret; sends nothing. Raises AlertError where it could not do so now."""
        ...

    async def deliver(self, notice: Mapping[str, Any]) -> None:
        """Deliver one notice, once. Raises AlertError with what to do about it."""
        ...
