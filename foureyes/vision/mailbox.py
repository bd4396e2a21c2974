"""A mailbox of one: the newest look wins, an older one that nobody took is dropped and counted."""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Generic, TypeVar

T = TypeVar("T")


class Mailbox(Generic[T]):
    """One writer, one reader, one slot."""

    def __init__(self, on_drop: Callable[[], None]) -> None:
        self._item: T | None = None
        self._filled = asyncio.Event()
        self._on_drop = on_drop
        self._closed = False

    def put(self, item: T) -> None:
        """Replace what is waiting."""
        if self._item is not None:
            self._on_drop()
        self._item = item
        self._filled.set()

    def close(self) -> None:
        """No more will come; what is waiting is still handed out."""
        self._closed = True
        self._filled.set()

    async def take(self) -> T | None:
        """Wait for the next item; None once the box is closed and empty."""
        await self._filled.wait()
        return self.take_now()

    def take_now(self) -> T | None:
        """The waiting item, if there is one."""
        item, self._item = self._item, None
        if not self._closed:
            self._filled.clear()
        return item
