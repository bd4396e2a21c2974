"""The real function of a recorded call, and the call itself made again."""

from __future__ import annotations

import asyncio
import functools
import importlib
import inspect
from collections.abc import Callable, Mapping
from typing import Any

from foureyes.errors.capture import PACKAGE
from foureyes.forgewright.reproduction.boundary import StandIn
from foureyes.forgewright.reproduction.rebuilding import NotRebuiltError, Rebuilder

_MOST_ITEMS = 100_000


def called_again(call: Mapping[str, Any], rebuilder: Rebuilder, loop: asyncio.AbstractEventLoop) -> None:
    """Call the function with what it was called with. Raises what it raises, or NotRebuiltError before."""
    function = function_of(str(call["module"]), str(call["function"]))
    arguments = {name: rebuilder.of(kept) for name, kept in call["arguments"].items()}
    for name, value in arguments.items():
        if isinstance(value, StandIn):
            raise NotRebuiltError(f"the argument '{name}' was not kept: {object.__getattribute__(value, '_what')}")
    positional = [arguments[name] for name in call["positional"]]
    named = {name: arguments[name] for name in call["keyword"]}
    result = function(
        *positional, *arguments.get(call["more"], ()), **named, **arguments.get(call["keywords"], {})
    )
    if inspect.iscoroutine(result):
        loop.run_until_complete(result)
    elif inspect.isasyncgen(result):
        loop.run_until_complete(_drained(result))
    elif inspect.isgenerator(result):
        for _ in zip(result, range(_MOST_ITEMS), strict=False):
            pass


async def _drained(items: Any) -> None:
    async for _ in items:
        pass


def function_of(module: str, qualname: str) -> Callable[..., Any]:
    """The function of this name as it is written, without what is around it. Raises NotRebuiltError."""
    if module.partition(".")[0] != PACKAGE or "<" in qualname:
        raise NotRebuiltError(f"{qualname} of {module} cannot be called by itself")
    try:
        found: Any = importlib.import_module(module)
        for name in qualname.split("."):
            found = inspect.getattr_static(found, name)
    except (ImportError, AttributeError) as error:
        raise NotRebuiltError(f"there is no {qualname} in {module} any more") from error
    if isinstance(found, property):
        found = found.fget
    elif isinstance(found, functools.cached_property):
        found = found.func
    elif isinstance(found, classmethod | staticmethod):
        found = found.__func__
    found = inspect.unwrap(found)
    if not inspect.isfunction(found):
        raise NotRebuiltError(f"{qualname} of {module} is no function of ours any more")
    return found
