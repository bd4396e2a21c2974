"""What every model server is to the rest of FourEyes, whatever its kind: one file a kind implements this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from typing import Any, Protocol


class Priority(IntEnum):
    """Who goes first to a server, best first: the loop, then what operators ask."""

    LOOP = 0
    HIGH = 1
    NORMAL = 2
    LOW = 3


@dataclass(frozen=True)
class ChatRequest:
    """One question about pictures: what to read (schema, prompt) and from what (PNG or JPEG bytes)."""

    model_id: str
    prompt: str
    schema: Mapping[str, Any]
    pictures: tuple[bytes, ...]
    stream: str | None = None
    """Names the stream of like pictures that this one belongs to, for the server's memo; None reads cold."""
    request_id: str = ""
    timeout_s: float = 30.0
    temperature: float = 0.1
    max_tokens: int = 500
    priority: Priority = Priority.LOOP
    client: str = ""
    """Who asks; within one priority clients take turns."""


@dataclass(frozen=True)
class Remarks:
    """What a server says about its answer beside the values; empty where it says nothing."""

    withheld: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    confidence: float | None = None
    confidence_from: str | None = None


@dataclass(frozen=True)
class Usage:
    """Tokens as the server counted them."""

    prompt_tokens: int
    completion_tokens: int


@dataclass(frozen=True)
class ChatReply:
    """A parsed answer, not yet checked against the task's schema."""

    answer: Mapping[str, Any]
    model_id: str
    latency_ms: float
    remarks: Remarks
    usage: Usage | None = None
    """None where the server does not say."""
    scales: tuple[float, ...] = ()
    """How much smaller each picture was sent than it was given: 1.0 is untouched, 0.5 half the sides."""


@dataclass(frozen=True)
class Listed:
    """One model of a server's own listing."""

    id: str
    """As requests must name it."""
    loaded: bool | None
    """None where the listing does not tell."""
    instances: tuple[str, ...] = ()
    """Ids of its loaded copies, which `unload` takes away."""
    size_bytes: int | None = None
    vision: bool | None = None
    """Whether it takes pictures; None where the listing does not tell."""


class ModelServer(Protocol):
    """One server of one kind. Every call raises a ServerError leaf with a sentence that says what to do.

    Model ids are those of the configuration; an adapter finds the server's own id for them in its listing.
    """

    id: str
    url: str

    @property
    def can_unload(self) -> bool:
        """Whether a single model can be unloaded and loaded again; known once the server was found ready."""
        ...

    async def check_live(self) -> None:
        """Raise unless the server of this kind answers at all: cheap, no inference, judged by the body."""
        ...

    async def check_ready(self) -> None:
        """Raise unless it takes requests; ServerLoadingError while it still loads."""
        ...

    async def listed(self) -> tuple[Listed, ...]:
        """The models that the server can serve, and which are loaded."""
        ...

    async def entry(self, model_id: str) -> Listed | None:
        """What the server's own listing has for a configured id, which it may call otherwise."""
        ...

    async def load(self, model_id: str) -> float:
        """Have a model in memory, see it listed as loaded, and return the seconds it took (0: it was loaded).

        Raises ModelMissingError with the reason and the substitute where the server cannot serve it.
        """
        ...

    async def unload(self, model_id: str) -> None:
        """Take every copy of a model out of memory; nothing where none is loaded."""
        ...

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Ask one question."""
        ...

    async def aclose(self) -> None:
        """Let go of the connections."""
        ...
