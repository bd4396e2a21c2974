"""Interception: whatever nobody caught is recorded, and goes the way it would have gone."""

from __future__ import annotations

import asyncio
import functools
import inspect
import sys
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from types import TracebackType
from typing import Any, TypeVar

from foureyes.errors.fault import Severity
from foureyes.errors.recorder import FaultRecorder
from foureyes.telemetry.report import Report

F = TypeVar("F", bound=Callable[..., Any])

_DONE = "an exception that nobody caught"


class intercepted:  # noqa: N801 - used like a function: `with intercepted(...)`, `@intercepted(...)`
    """Report what is raised inside, and let it go on: a context manager, and a decorator also of coroutines.

    Cancellation, Ctrl-C and the exceptions of `expected` pass unrecorded.
    """

    def __init__(
        self, report: Report, component: str, *, expected: tuple[type[BaseException], ...] = (), **context: Any
    ) -> None:
        self._report = report
        self._component = component
        self._expected = expected
        self._context = context

    def __enter__(self) -> None:
        """Watch from here on."""

    def __exit__(
        self, _kind: type[BaseException] | None, error: BaseException | None, _trace: TracebackType | None
    ) -> None:
        """Report what was raised, if it is a fault."""
        if isinstance(error, Exception) and not isinstance(error, self._expected):
            self._report(error, self._component, **self._context)

    def __call__(self, function: F) -> F:
        """The function with every call of it watched."""
        if inspect.iscoroutinefunction(function):

            @functools.wraps(function)
            async def watched_later(*args: Any, **kwargs: Any) -> Any:
                with self:
                    return await function(*args, **kwargs)

            return watched_later  # type: ignore[return-value]  # the same signature, which mypy cannot follow

        @functools.wraps(function)
        def watched(*args: Any, **kwargs: Any) -> Any:
            with self:
                return function(*args, **kwargs)

        return watched  # type: ignore[return-value]


@contextmanager
def hooked(recorder: FaultRecorder) -> Iterator[None]:
    """Record what reaches Python's last hooks (main thread, other threads, finalisers) while inside.

    Each hook waits at most a second for the disk, then does what it did before.
    """
    before = sys.excepthook, threading.excepthook, sys.unraisablehook

    def main(kind: type[BaseException], error: BaseException, trace: TracebackType | None) -> None:
        recorder.record_now(error, "main", severity=Severity.CRITICAL, said=_DONE)
        before[0](kind, error, trace)

    def thread(found: threading.ExceptHookArgs) -> None:
        if found.exc_value is not None:
            name = found.thread.name if found.thread else "unknown"
            recorder.record_now(found.exc_value, "thread", severity=Severity.CRITICAL, thread=name, said=_DONE)
        before[1](found)

    def unraisable(found: sys.UnraisableHookArgs) -> None:
        if found.exc_value is not None:
            recorder.record(found.exc_value, "finaliser", where=found.object, said=found.err_msg or _DONE)
        before[2](found)

    sys.excepthook, threading.excepthook, sys.unraisablehook = main, thread, unraisable
    try:
        yield
    finally:
        sys.excepthook, threading.excepthook, sys.unraisablehook = before


@contextmanager
def loop_hooked(recorder: FaultRecorder) -> Iterator[None]:
    """Record what the running event loop is told of: failed tasks that nobody asked, callbacks that raised."""
    loop = asyncio.get_running_loop()
    before = loop.get_exception_handler()

    def handle(loop: asyncio.AbstractEventLoop, context: dict[str, Any]) -> None:
        if isinstance(error := context.get("exception"), BaseException):
            task = context.get("task") or context.get("future")
            name = task.get_name() if isinstance(task, asyncio.Task) else None
            recorder.record(
                error, "asyncio", severity=Severity.CRITICAL, said=context.get("message"), task_name=name
            )
        if before is None:
            loop.default_exception_handler(context)
        else:
            before(loop, context)

    loop.set_exception_handler(handle)
    try:
        yield
    finally:
        loop.set_exception_handler(before)
