"""What every fake has in common: its routes, its shape of an error, and what may be told to it from outside."""

from __future__ import annotations

import socket
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol

from parts.fakes.reply import Reply
from parts.fakes.sent_picture import SentPicture


@dataclass(frozen=True)
class Request:
    """One request, read to its end."""

    method: str
    path: str
    query: Mapping[str, str]
    headers: Mapping[str, str]
    body: Any
    connection: socket.socket
    pictures: tuple[SentPicture, ...] = ()
    rest: str = ""
    """What stood in the place of the `*` of its route."""

    @property
    def token(self) -> str:
        return self.headers.get("Authorization", "").removeprefix("Bearer ")


Route = Callable[[Request], Reply]

FINGERPRINT = ("/lmstudio-greeting", "/", "/running", "/props", "/version", "/metrics")
"""4, "Fingerprint order": what may be asked of an unknown server, so every fake lists it."""


@dataclass(frozen=True)
class Served:
    """The model that answers a chat request: its name in the reply and its name in `/control`."""

    id: str
    key: str


class Kind(Protocol):
    """One kind of server."""

    settings: Any
    failures: Mapping[str, Callable[[str], Reply]]
    """Failures of its own by name, called with the model's key."""

    def routes(self) -> Mapping[str, Route]:
        """Everything that it lists: `GET /path`, the path ending in `*` for any rest."""

    def refusal(self, request: Request) -> Reply | None:
        """What comes before any route: authentication, loading."""

    def unknown(self, request: Request) -> Reply:
        """What it says of a route that it does not have."""

    def error(self, status: int, message: str) -> Reply:
        """An error in its shape."""

    def loaded(self) -> list[str]:
        """The models that are loaded now."""

    def set_loaded(self, model: str, loaded: bool) -> None:  # noqa: FBT001 - the word of /control
        """Load or unload a model at once, as if the server had done so by itself."""


@dataclass
class Settings:
    """What holds for the whole server, changed by `/control` with `settings`."""

    token: str = ""
    load_s: float = 0.0
    n_ctx: int = 4096
    leak_mb: int = 0
    """2.5, memory growth: so much of each chat stays, until the model is unloaded."""
    text_only: set[str] = field(default_factory=set)
    """Models that take no picture."""
