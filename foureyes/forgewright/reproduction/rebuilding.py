"""Captured arguments made into objects again. What is read is data: only classes and functions that are there."""

from __future__ import annotations

import base64
import importlib
import re
import types
from collections import Counter, OrderedDict, defaultdict, deque
from collections.abc import Callable, Iterator, Mapping
from datetime import date, datetime, timedelta
from datetime import time as time_of_day
from decimal import Decimal
from pathlib import Path
from typing import Any
from uuid import UUID

import httpx
import numpy as np
from pydantic import SecretBytes, SecretStr

from foureyes.errors.blobs import TAG
from foureyes.exceptions import FourEyesError
from foureyes.forgewright.reproduction.boundary import StandIn, boundary
from foureyes.picture import decode
from foureyes.redaction import REDACTED
from foureyes.servers.http.recorded import RecordedExchange

_FILE = re.compile(r"[0-9a-f]{32}\.(?:png|jpg|txt|bin|raw)")
_MODULE = re.compile(r"[A-Za-z_][A-Za-z0-9_.]*")
_ROOTS = {
    "foureyes", "builtins", "httpx", "json", "asyncio", "binascii", "sqlite3", "zlib", "socket", "websocket",
    "obsws_python", "PIL", "collections", "time", "random", "math", "datetime", "types", "functools", "operator",
}  # fmt: skip
_TEXTUAL: Mapping[str, Callable[[str], Any]] = {
    "datetime:datetime": datetime.fromisoformat,
    "datetime:date": date.fromisoformat,
    "datetime:time": time_of_day.fromisoformat,
    "decimal:Decimal": Decimal,
    "uuid:UUID": UUID,
}
_CLOCKS = {"time:monotonic", "time:perf_counter", "time:time", "time:sleep", "time:monotonic_ns"}
_FORBIDDEN = {"builtins:eval", "builtins:exec", "builtins:compile", "builtins:open", "builtins:__import__"}


class NotRebuiltError(FourEyesError):
    """What was kept of a fault cannot be made into objects again."""


class Rebuilder:
    """Rebuilds the values of one data folder; one that is kept twice is one object again."""

    def __init__(self, folder: Path, captured: Any) -> None:
        self._folder = folder
        self._kept = dict(_numbered(captured))
        self._known: dict[int, Any] = {}
        self.exchange: RecordedExchange | None = None

    def of(self, kept: Any) -> Any:
        """A value that `Capture` took apart. Raises NotRebuiltError."""
        if isinstance(kept, list):
            return [self.of(each) for each in kept]
        if not isinstance(kept, dict):
            return kept
        if "n" in kept and kept["n"] in self._known:
            return self._known[kept["n"]]
        make = _MAKERS.get(kept.get(TAG, ""))
        if make is None:
            raise NotRebuiltError(f"what was kept has an unknown mark: {str(kept)[:80]}")
        try:
            return make(self, kept)
        except (KeyError, TypeError, ValueError, AttributeError, OSError, FourEyesError) as error:
            if isinstance(error, NotRebuiltError):
                raise
            raise NotRebuiltError(f"{str(kept)[:80]} cannot be rebuilt: {error}") from error

    def _bytes(self, kept: Mapping[str, Any]) -> bytes:
        if "file" not in kept:
            return base64.b64decode(str(kept["base64"]))
        if _FILE.fullmatch(kept["file"]) is None:
            raise NotRebuiltError(f"{kept['file']!r} is no name of a file")
        return (self._folder / str(kept["file"])).read_bytes()

    def _data_url(self, kept: Mapping[str, Any]) -> Any:
        data = self.of(kept["data"])
        return data if isinstance(data, StandIn) else kept["head"] + base64.b64encode(data).decode("ascii")

    def _array(self, kept: Mapping[str, Any]) -> Any:
        if "dtype" in kept:
            array = np.frombuffer(self._bytes(kept), np.dtype(kept["dtype"])).reshape(kept["shape"]).copy()
        else:
            array = decode(self._bytes(kept))
        array.flags.writeable = kept["writeable"]
        self._known[kept["n"]] = array
        return array

    def _container(self, kept: Mapping[str, Any]) -> Any:
        kind: type = {"list": list, "deque": deque, "set": set}[kept[TAG]]
        made = self._known[kept["n"]] = kind()
        add = made.add if kind is set else made.append
        for item in kept["items"]:
            add(self.of(item))
        return made

    def _frozen(self, kept: Mapping[str, Any]) -> Any:
        kind = tuple if kept[TAG] == "tuple" else frozenset
        made = self._known[kept["n"]] = kind(self.of(item) for item in kept["items"])
        return made

    def _mapping(self, kept: Mapping[str, Any]) -> Any:
        made: Any = _MAPPINGS.get(kept["class"], dict)()
        self._known[kept["n"]] = made
        for key, item in kept["items"]:
            made[self.of(key)] = self.of(item)
        if kept["class"] == "types:mappingproxy":
            made = self._known[kept["n"]] = types.MappingProxyType(made)
        return made

    def _object(self, kept: Mapping[str, Any]) -> Any:
        kind: Any = found_class(kept["class"])
        made = self._known[kept["n"]] = kind.__new__(kind)
        for name, item in kept["fields"].items():
            object.__setattr__(made, name, self.of(item))
        return made

    def _model(self, kept: Mapping[str, Any]) -> Any:
        made = self._object(kept)
        object.__setattr__(made, "__pydantic_fields_set__", set(kept["set"]))
        object.__setattr__(made, "__pydantic_extra__", None)
        object.__setattr__(made, "__pydantic_private__", None)
        return made

    def _exception(self, kept: Mapping[str, Any]) -> Any:
        kind = found_class(kept["class"])
        if not issubclass(kind, BaseException):
            raise NotRebuiltError(f"{kept['class']} is no exception")
        args = [self.of(each) for each in kept["args"]]
        made = self._known[kept["n"]] = kind.__new__(kind, *args)
        made.args = tuple(args)
        vars(made).update({name: self.of(item) for name, item in kept["fields"].items()})
        made.__cause__ = self.of(kept["cause"])
        return made

    def _method(self, kept: Mapping[str, Any]) -> Any:
        of = self.of(kept["of"])
        return of if isinstance(of, StandIn) else getattr(of, kept["name"])

    def _ref(self, kept: Mapping[str, Any]) -> Any:
        number = kept["n"]
        if number not in self._known and number in self._kept:
            return self.of(self._kept[number])
        return self._known[number] if number in self._known else StandIn("a part of what was too much")

    def _boundary(self, kept: Mapping[str, Any]) -> Any:
        return boundary(kept["of"], lambda: self.exchange, self.of(kept.get("answered")))


def _numbered(kept: Any) -> Iterator[tuple[int, Mapping[str, Any]]]:
    """Everything that others refer to by its number."""
    waiting = [kept]
    while waiting:
        current = waiting.pop()
        if isinstance(current, dict):
            if "n" in current and current.get(TAG) != "ref":
                yield current["n"], current
            waiting.extend(current.values())
        elif isinstance(current, list):
            waiting.extend(current)


def found_class(path: str) -> type:
    """The class at `module:name`. Raises NotRebuiltError where there is none, or none that may be used."""
    kind = found(path)
    if not isinstance(kind, type):
        raise NotRebuiltError(f"{path} is no class")
    return kind


def found(path: str) -> Any:
    """What is at `module:name`."""
    module, _, name = path.partition(":")
    if module.partition(".")[0] not in _ROOTS or _MODULE.fullmatch(module) is None or path in _FORBIDDEN:
        raise NotRebuiltError(f"{path} is nothing that a reproduction uses")
    try:
        value: Any = importlib.import_module(module)
        for part in name.split("."):
            value = getattr(value, part)
    except (ImportError, AttributeError) as error:
        raise NotRebuiltError(f"there is no {path} any more") from error
    return value


def _named(_self: Rebuilder, kept: Mapping[str, Any]) -> Any:
    """A clock is looked up now, when the virtual one is in place."""
    return found(kept["path"])


_MAPPINGS: Mapping[str, Callable[[], Any]] = {
    "collections:OrderedDict": OrderedDict,
    "collections:Counter": Counter,
    "collections:defaultdict": lambda: defaultdict(lambda: StandIn("the default of a dictionary")),
    "httpx:Headers": httpx.Headers,
}
_SECRETS: Mapping[str, Callable[[], Any]] = {
    "pydantic.types:SecretStr": lambda: SecretStr(REDACTED),
    "pydantic.types:SecretBytes": lambda: SecretBytes(REDACTED.encode()),
}
_MAKERS: Mapping[str, Callable[[Rebuilder, Mapping[str, Any]], Any]] = {
    "ref": Rebuilder._ref,  # noqa: SLF001 - this table is a part of the class
    "list": Rebuilder._container,  # noqa: SLF001
    "set": Rebuilder._container,  # noqa: SLF001
    "deque": Rebuilder._container,  # noqa: SLF001
    "tuple": Rebuilder._frozen,  # noqa: SLF001
    "frozenset": Rebuilder._frozen,  # noqa: SLF001
    "dict": Rebuilder._mapping,  # noqa: SLF001
    "object": Rebuilder._object,  # noqa: SLF001
    "model": Rebuilder._model,  # noqa: SLF001
    "exception": Rebuilder._exception,  # noqa: SLF001
    "method": Rebuilder._method,  # noqa: SLF001
    "array": Rebuilder._array,  # noqa: SLF001
    "data_url": Rebuilder._data_url,  # noqa: SLF001
    "boundary": Rebuilder._boundary,  # noqa: SLF001
    "bytes": lambda self, kept: self._bytes(kept),
    "bytearray": lambda self, kept: bytearray(self._bytes(kept)),
    "text": lambda self, kept: self._bytes(kept).decode("utf-8", "surrogatepass"),
    "utf-16": lambda _self, kept: bytes.fromhex(kept["hex"]).decode("utf-16", "surrogatepass"),
    "float": lambda _self, kept: float(kept["text"]),
    "number": lambda self, kept: np.dtype(kept["dtype"]).type(self.of(kept["value"])),
    "timedelta": lambda _self, kept: timedelta(kept["days"], kept["seconds"], kept["microseconds"]),
    "range": lambda _self, kept: range(*kept["of"]),
    "textual": lambda _self, kept: _TEXTUAL[kept["class"]](kept["text"]),
    "enum": lambda _self, kept: found_class(kept["class"])[kept["name"]],  # type: ignore[index]  # an enumeration
    "path": lambda _self, kept: Path(kept["text"]),
    "pattern": lambda self, kept: re.compile(self.of(kept["text"]), kept["flags"]),
    "secret": lambda _self, kept: _SECRETS[kept["class"]](),
    "named": _named,
    "missing": lambda _self, kept: StandIn(kept["why"]),
}
