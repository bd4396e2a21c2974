"""What sets one kind of language model server apart from another: which routes it has, and what it says there."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass

from foureyes.servers.server import Listed


def is_named(entry: Listed, name: str) -> bool:
    """Whether a name is that of a listed model or of one of its copies."""
    return name == entry.id or name in entry.instances


@dataclass(frozen=True)
class Dialect:
    """One way of speaking, as functions over one connection; `ChatServer` does what is the same for all of them.

    Each of them raises a ServerError leaf.
    """

    kind: str
    """What people call such a server."""
    how_to_get: str
    """How a person gets a model that it does not have; {model} stands for its id."""
    how_to_see: str
    """What a person does where a model takes no pictures."""
    check_live: Callable[[], Awaitable[None]]
    """Raise unless such a server answers; one that still loads does."""
    check_ready: Callable[[], Awaitable[None]]
    """Raise unless it takes requests."""
    listed: Callable[[], Awaitable[tuple[Listed, ...]]]
    """Its models."""
    load: Callable[[Listed, float], Awaitable[None]] | None = None
    """Have it load a model within so many seconds; None where it loads by itself, or at a request."""
    unload: Callable[[Listed], Awaitable[None]] | None = None
    """Have it unload every copy of a model; None where it cannot."""
    is_named: Callable[[Listed, str], bool] = is_named
    """Whether a name, in the configuration or in an answer, is that of a listed model."""
