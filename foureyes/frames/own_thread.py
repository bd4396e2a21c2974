"""One thread for one blocking library, which the exit of the program never waits for."""

from __future__ import annotations

import asyncio
import threading
from collections.abc import Callable
from concurrent.futures import Future
from queue import SimpleQueue
from typing import Any, TypeVar

T = TypeVar("T")


class OwnThread:
    """Runs blocking calls one after the other, all in the same daemon thread.

    asyncio's own threads are joined when the interpreter ends: a call that hangs would hold up the exit for ever.
    """

    def __init__(self, name: str) -> None:
        self._calls: SimpleQueue[Callable[[], None] | None] = SimpleQueue()  # never over two, see `run`
        self._last: Future[Any] | None = None
        self._ended = False
        threading.Thread(target=self._work, name=name, daemon=True).start()

    async def run(self, call: Callable[[], T]) -> T:
        """Return what `call` returns, or raise what it raises.

        A caller that is cancelled leaves its call behind; the next one waits until that is through.
        """
        assert not self._ended, "the thread has ended"
        while self._last is not None and not self._last.done():
            await asyncio.gather(asyncio.wrap_future(self._last), return_exceptions=True)
        return await asyncio.wrap_future(self._put(call))

    async def end(self, last_call: Callable[[], None], within_s: float) -> None:
        """Run a last call and end; may be repeated. Raises TimeoutError where that takes too long."""
        if self._ended:
            return
        self._ended = True
        through = self._put(last_call)
        self._calls.put(None)
        async with asyncio.timeout(within_s):
            await asyncio.wrap_future(through)

    def _put(self, call: Callable[[], T]) -> Future[T]:
        answer: Future[T] = Future()
        self._last = answer
        self._calls.put(lambda: _settle(call, answer))
        return answer

    def _work(self) -> None:
        while (call := self._calls.get()) is not None:
            call()


def _settle(call: Callable[[], T], answer: Future[T]) -> None:
    if not answer.set_running_or_notify_cancel():
        return
    try:
        answer.set_result(call())
    except BaseException as error:  # noqa: BLE001 - whatever it is, it belongs to the one who awaits the answer
        answer.set_exception(error)
