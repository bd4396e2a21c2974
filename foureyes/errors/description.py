"""An exception as plain data: its type, its message, where it came from and what it was raised from.

Describing never raises, whatever the exception's own methods do, and its work is bounded.
"""

from __future__ import annotations

import linecache
import traceback
from collections import deque
from collections.abc import Iterator
from dataclasses import asdict, dataclass, replace
from functools import lru_cache
from pathlib import Path, PurePath
from types import FrameType, TracebackType
from typing import Any

import foureyes
from foureyes.errors.plain import clean_text, plain_text

_ROOT = Path(foureyes.__file__).parent
_MOST_CHARS, _MOST_CODE_CHARS = 4000, 200
_MOST_LINKS = 8
_HALF_STACK = 25
_LONG_STACK = 5000
_PLAIN_MODULES = {"builtins", "foureyes.exceptions"}


@dataclass(frozen=True)
class StackFrame:
    """One frame of a traceback."""

    file: str
    """For a frame of this project its path from the package's own name on."""
    line: int
    function: str
    code: str
    in_project: bool


@dataclass(frozen=True)
class Link:
    """One exception of a chain; `relation` is how the one before it came from this one."""

    relation: str
    type: str
    message: str
    stack: tuple[StackFrame, ...]

    def as_dict(self) -> dict[str, Any]:
        """The link as JSON values."""
        return {**asdict(self), "stack": [asdict(frame) for frame in self.stack]}


@dataclass(frozen=True)
class Description:
    """An exception and what it was raised from, the exception itself first."""

    links: tuple[Link, ...]

    @property
    def type(self) -> str:
        """The exception's type; its module too where it is neither Python's nor ours."""
        return self.links[0].type

    @property
    def message(self) -> str:
        """The exception's own words."""
        return self.links[0].message

    @property
    def stack(self) -> tuple[StackFrame, ...]:
        """The frames of the exception, or where it was never raised those of what it comes from."""
        return next((link.stack for link in self.links if link.stack), ())

    @property
    def chain(self) -> tuple[Link, ...]:
        """What the exception was raised from; frames that are in `stack` are not said twice."""
        return tuple(replace(link, stack=()) if link.stack is self.stack else link for link in self.links[1:])


def describe(error: BaseException) -> Description:
    """The exception as plain data."""
    try:
        return Description(tuple(_links(error)))
    except Exception as trouble:  # noqa: BLE001 - an exception's own code may raise anything when it is looked at
        said = f"<it could not be described: {type(trouble).__name__}>"
        return Description((Link("raised", type(error).__name__, said, ()),))


def raised_first(error: BaseException) -> BaseException | None:
    """The exception whose frames are the fault's: itself, or the nearest it comes from that was ever raised."""
    return next((each for _, each in _chain(error) if each.__traceback__ is not None), None)


def _links(error: BaseException) -> Iterator[Link]:
    for relation, each in _chain(error):
        yield Link(relation, _type_of(each), message_of(each), _stack_of(each.__traceback__))


def _chain(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    """Each exception of the chain once, nearest first."""
    waiting: deque[tuple[str, BaseException]] = deque([("raised", unwrapped(error))])
    seen: set[int] = set()
    while waiting and len(seen) < _MOST_LINKS:
        relation, current = waiting.popleft()
        if id(current) in seen:
            continue
        seen.add(id(current))
        yield relation, current
        waiting.extend(_raised_from(current))


def unwrapped(error: BaseException) -> BaseException:
    """A group of one exception is that one: task groups wrap whatever ends them."""
    for _ in range(_MOST_LINKS):
        if not isinstance(error, BaseExceptionGroup) or len(error.exceptions) != 1:
            break
        error = error.exceptions[0]
    return error


def _raised_from(error: BaseException) -> Iterator[tuple[str, BaseException]]:
    if error.__cause__ is not None:
        yield "cause", error.__cause__
    elif error.__context__ is not None and not error.__suppress_context__:
        yield "context", error.__context__
    if isinstance(error, BaseExceptionGroup):
        for member in error.exceptions[:_MOST_LINKS]:
            yield "member", member


def _type_of(error: BaseException) -> str:
    kind = type(error)
    name = kind.__qualname__ if kind.__module__ in _PLAIN_MODULES else f"{kind.__module__}.{kind.__qualname__}"
    return plain_text(name, _MOST_CODE_CHARS)


def message_of(error: BaseException) -> str:
    """An exception's own words, redacted and bounded."""
    try:
        return plain_text(str(error), _MOST_CHARS)
    except Exception as trouble:  # noqa: BLE001 - __str__ is somebody else's code
        return f"<its text raised {type(trouble).__name__}>"


def _stack_of(trace: TracebackType | None) -> tuple[StackFrame, ...]:
    """The frames, outermost first; of a very deep stack the first and the last ones."""
    first: list[tuple[FrameType, int]] = []
    last: deque[tuple[FrameType, int]] = deque(maxlen=_HALF_STACK)
    for number, entry in enumerate(traceback.walk_tb(trace)):
        if number > _LONG_STACK:
            break
        if len(first) < _HALF_STACK:
            first.append(entry)
        else:
            last.append(entry)
    return tuple(_frame_of(frame, line) for frame, line in (*first, *last))


def _frame_of(frame: FrameType, line: int) -> StackFrame:
    code = frame.f_code
    file, in_project = _shown_file(code.co_filename)
    function = clean_text(code.co_qualname)[:_MOST_CODE_CHARS]
    return StackFrame(file, line, function, _code_at(code.co_filename, line), in_project)


@lru_cache(maxsize=4096)
def _code_at(file: str, line: int) -> str:
    return plain_text(linecache.getline(file, line).strip(), _MOST_CODE_CHARS)


@lru_cache(maxsize=4096)
def _shown_file(name: str) -> tuple[str, bool]:
    """A frame's file without where it lies on this machine, and whether it is ours."""
    path = PurePath(name)
    if path.is_relative_to(_ROOT):
        return path.relative_to(_ROOT.parent).as_posix(), True
    shown = "/".join(path.parts[1:][-3:]) if path.is_absolute() else name
    return plain_text(shown, _MOST_CODE_CHARS), False
