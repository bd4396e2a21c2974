"""What the calls of a fault were made with, as data: JSON with tags, and files for what is large.

Nothing of a foreign object is called; what cannot be kept is a mark with the reason. `rebuilding` of the
reproduction reads it back. The values are those at the fault, and may have changed since the call.
"""

from __future__ import annotations

import math
import random
import re
import time
import types
from collections import deque
from collections.abc import Callable, Collection, Mapping
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from enum import Enum
from pathlib import PurePath
from typing import Any
from uuid import UUID

import httpx
import numpy as np
from pydantic import BaseModel, SecretBytes, SecretStr

from foureyes.errors.blobs import TAG, Blobs, missing
from foureyes.redaction import behind_secret_keys, names_secret

PACKAGE = "foureyes"

MAX_DEPTH = 40
MAX_NODES = 20_000
MAX_SECONDS = 0.5
"""Of the capturing thread's own time."""
_MAX_INT_BITS = 4096

BOUNDARY_MODULES = ("foureyes.frames.sources", "foureyes.frames.camera")
"""What talks to the world, and holds its raw pictures: kept where the fault is in it, else stood in for."""
BOUNDARY_CLASSES = {
    "foureyes.servers.http.clients:Clients",
    "foureyes.telemetry.metrics:Metrics",
    "foureyes.errors.recorder:FaultRecorder",
    "foureyes.errors.spool:Spool",
    "foureyes.daemon.publisher:Publisher",
    "foureyes.outputs.live:LiveEvents",
    "cachetools:TTLCache",
    "cachetools:LRUCache",
}
_BOUNDARY_ROOTS = {"asyncio", "threading", "_thread", "concurrent", "socket", "_socket", "ssl", "sqlite3", "queue"}
_EXCEPTION_ROOTS = {
    PACKAGE, "builtins", "httpx", "json", "asyncio", "binascii", "sqlite3", "zlib", "socket", "websocket",
    "obsws_python", "PIL",
}  # fmt: skip
_TEXTUAL: tuple[type, ...] = (datetime, date, time_of_day, Decimal, UUID)


class Capture:
    """Takes objects apart into one document and some files."""

    def __init__(self, *, keep_pictures: bool, thread_time: Callable[[], float] = time.thread_time) -> None:
        self._blobs = Blobs(keep_pictures=keep_pictures)
        self._thread_time = thread_time
        self._ends_s = thread_time() + MAX_SECONDS
        self._seen: dict[int, int] = {}
        self._alive: list[Any] = []
        """So that no id comes twice."""
        self._nodes = 0

    @property
    def files(self) -> dict[str, bytes]:
        """What is too large for the document, by name."""
        return self._blobs.files

    def of(self, value: Any, *, is_own: bool = False) -> Any:
        """A value as JSON. `is_own` is an object that the failing call belongs to, a boundary or not."""
        return self._value(value, 0, is_secret=False, is_own=is_own)

    def _value(self, value: Any, depth: int, *, is_secret: bool, is_own: bool = False) -> Any:  # noqa: PLR0911 - one a why
        self._nodes += 1
        if value is None or value is True or value is False:
            return value
        if depth > MAX_DEPTH or self._nodes > MAX_NODES:
            return missing("there was too much of it")
        if self._thread_time() > self._ends_s:
            return missing("it took too long")
        if _is_proxy(type(value)):
            return missing(f"a {_kind(value)}")
        if id(value) in self._seen:
            return {TAG: "ref", "n": self._seen[id(value)]}
        try:
            return self._kept(value, depth, is_secret=is_secret, is_own=is_own)
        except Exception as error:  # noqa: BLE001 - a foreign object may raise anything when it is looked at
            return missing(f"{_kind(value)} raised {type(error).__name__} when it was looked at")

    def _kept(self, value: Any, depth: int, *, is_secret: bool, is_own: bool) -> Any:  # noqa: PLR0911 - one a kind
        kind = type(value)
        if isinstance(value, Enum):
            return {TAG: "enum", "class": path_of(kind), "name": value.name}
        if kind in _SIMPLE:
            return _SIMPLE[kind](self._blobs, value, is_secret)
        if kind in (list, tuple, set, frozenset, deque):
            return self._sequence(value, depth, is_secret=is_secret)
        if isinstance(value, Mapping) and (kind is dict or kind.__module__ in _MAPPINGS):
            return self._mapping(value, depth, is_secret=is_secret)
        if isinstance(value, np.ndarray):
            return self._blobs.array(value, self._numbered(value))
        if isinstance(value, np.generic):
            return {TAG: "number", "dtype": value.dtype.str, "value": _number(value.item())}
        if isinstance(value, BaseException):
            return self._exception(value, depth)
        if isinstance(value, types.MethodType):
            of = self._value(value.__self__, depth + 1, is_secret=is_secret)
            return {TAG: "method", "of": of, "name": value.__name__}
        if isinstance(value, type | types.FunctionType | types.BuiltinFunctionType):
            return _named(value)
        return self._object(value, depth, is_secret=is_secret, is_own=is_own)

    def _numbered(self, value: Any) -> int:
        self._seen[id(value)] = len(self._alive)
        self._alive.append(value)
        return self._seen[id(value)]

    def _sequence(self, value: Collection[Any], depth: int, *, is_secret: bool) -> Any:
        if self._nodes + len(value) > MAX_NODES:  # asked first: a copy of millions would hold up all threads
            return missing(f"a {type(value).__name__} of {len(value):,} entries")
        number, items = self._numbered(value), list(value)
        hidden = [is_secret or follows for follows in behind_secret_keys(items)]
        kept = [self._value(item, depth + 1, is_secret=hides) for item, hides in zip(items, hidden, strict=True)]
        return {TAG: type(value).__name__, "n": number, "items": kept}

    def _mapping(self, value: Mapping[Any, Any], depth: int, *, is_secret: bool) -> Any:
        if self._nodes + 2 * len(value) > MAX_NODES:
            return missing(f"a {type(value).__name__} of {len(value):,} entries")
        number, items = self._numbered(value), list(value.items())
        kept = [
            [self._value(key, depth + 1, is_secret=False), self._under(key, item, depth, is_secret=is_secret)]
            for key, item in items
        ]
        return {TAG: "dict", "class": path_of(type(value)), "n": number, "items": kept}

    def _under(self, key: Any, item: Any, depth: int, *, is_secret: bool) -> Any:
        return self._value(item, depth + 1, is_secret=is_secret or names_secret(key))

    def _exception(self, error: BaseException, depth: int) -> Any:
        if not _is_from(type(error), _EXCEPTION_ROOTS):
            return missing(f"a {_kind(error)}")
        number = self._numbered(error)
        fields = {name: item for name, item in vars(error).items() if name != "__notes__"}
        return {
            TAG: "exception",
            "class": path_of(type(error)),
            "n": number,
            "args": [self._value(each, depth + 1, is_secret=False) for each in error.args],
            "fields": self._fields(fields, depth, is_secret=False),
            "cause": self._value(error.__cause__, depth + 1, is_secret=False),
        }

    def _object(self, value: Any, depth: int, *, is_secret: bool, is_own: bool) -> Any:  # noqa: PLR0911 - likewise
        kind = type(value)
        path = path_of(kind)
        if isinstance(value, SecretStr | SecretBytes):
            return {TAG: "secret", "class": path}
        if isinstance(value, PurePath):
            return {TAG: "path", "text": self._blobs.text(str(value), is_secret=is_secret)}
        if isinstance(value, re.Pattern):
            return {
                TAG: "pattern",
                "text": self._value(value.pattern, depth, is_secret=False),
                "flags": value.flags,
            }
        if path in BOUNDARY_CLASSES or _is_from(kind, _BOUNDARY_ROOTS):
            return {TAG: "boundary", "of": path}
        if kind.__module__.startswith(BOUNDARY_MODULES) and hasattr(value, "close") and not is_own:
            answered = self._value(getattr(value, "answered", None), depth + 1, is_secret=is_secret)
            return {TAG: "boundary", "of": path, "answered": answered}
        if not _is_from(kind, {PACKAGE}) or "<locals>" in kind.__qualname__:
            return missing(f"a {_kind(value)}")
        number = self._numbered(value)
        kept = self._fields(_state_of(value), depth, is_secret=is_secret)
        if isinstance(value, BaseModel):
            return {
                TAG: "model",
                "class": path,
                "n": number,
                "fields": kept,
                "set": sorted(value.model_fields_set),
            }
        return {TAG: "object", "class": path, "n": number, "fields": kept}

    def _fields(self, fields: Mapping[str, Any], depth: int, *, is_secret: bool) -> dict[str, Any]:
        return {name: self._under(name, item, depth, is_secret=is_secret) for name, item in fields.items()}


def path_of(kind: type) -> str:
    """Where a class is found: its module and its name there."""
    return f"{kind.__module__}:{kind.__qualname__}"


def _kind(value: Any) -> str:
    return path_of(type(value)).removeprefix("builtins:")


def _is_proxy(kind: type) -> bool:
    """Whether its objects say themselves what they are: isinstance would call them."""
    return any("__class__" in vars(base) for base in kind.__mro__[:-1])


def _is_from(kind: type, roots: set[str]) -> bool:
    return kind.__module__.partition(".")[0] in roots


def _named(value: Any) -> Any:
    """A class or function, by where it is found; none that was made inside another one."""
    name, module = value.__qualname__, getattr(value, "__module__", None)
    if value == random.random:
        name, module = "random", "random"  # a method of an object that nobody else has
    elif module is None and isinstance(value.__self__, type):
        module = value.__self__.__module__
    if module is None or "<" in name:
        return missing(f"the function {name}")
    return {TAG: "named", "path": f"{module}:{name}"}


def _state_of(value: Any) -> dict[str, Any]:
    """The attributes of an object, its slots too."""
    names = [name for kind in type(value).__mro__ for name in _slots_of(kind)]
    slots = {name: getattr(value, name) for name in names if hasattr(value, name)}
    return slots | dict(getattr(value, "__dict__", {}))


def _slots_of(kind: type) -> tuple[str, ...]:
    slots = kind.__dict__.get("__slots__", ())
    slots = (slots,) if isinstance(slots, str) else tuple(slots)
    return tuple(name for name in slots if not name.startswith("__"))


def _number(value: Any) -> Any:
    if isinstance(value, float) and not math.isfinite(value):
        return {TAG: "float", "text": repr(value)}
    if isinstance(value, int) and value.bit_length() > _MAX_INT_BITS:
        return missing(f"a number of {value.bit_length():,} bits")
    if isinstance(value, complex):
        return missing("a complex number")
    return value


def _span(value: timedelta) -> Any:
    return {TAG: "timedelta", "days": value.days, "seconds": value.seconds, "microseconds": value.microseconds}


_SIMPLE: dict[type, Callable[[Blobs, Any, bool], Any]] = {
    int: lambda _blobs, value, _secret: _number(value),
    float: lambda _blobs, value, _secret: _number(value),
    str: lambda blobs, value, secret: blobs.text(value, is_secret=secret),
    bytes: lambda blobs, value, secret: blobs.binary(value, is_secret=secret),
    bytearray: lambda blobs, value, secret: blobs.binary(value, is_secret=secret, kind="bytearray"),
    timedelta: lambda _blobs, value, _secret: _span(value),
    range: lambda _blobs, value, _secret: {TAG: "range", "of": [value.start, value.stop, value.step]},
    **{
        kind: lambda _blobs, value, _secret: {TAG: "textual", "class": path_of(type(value)), "text": str(value)}
        for kind in _TEXTUAL
    },
}
_MAPPINGS = {"builtins", "collections", "types", httpx.Headers.__module__}
