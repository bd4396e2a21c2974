"""What every model server is to the rest of FourEyes, whatever its kind: one file a kind implements this."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Protocol


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


@dataclass(frozen=True)
class Remarks:
    """What a server says about its answer beside the values; empty where it says nothing."""

    withheld: Mapping[str, str] = field(default_factory=dict)
    evidence: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    confidence: float | None = None
    confidence_from: str | None = None


@dataclass(frozen=True)
class ChatReply:
    """A parsed answer, not yet checked against the task's schema."""

    answer: Mapping[str, Any]
    model_id: str
    latency_ms: float
    remarks: Remarks


class ModelServer(Protocol):
    """One server of one kind. Every call raises a ServerError leaf with a sentence that says what to do."""

    id: str
    url: str

    async def check_alive(self) -> None:
        """Raise unless the server answers at all: cheap, no inference."""
        ...

    async def servable(self) -> tuple[str, ...]:
        """The model ids that the server can serve."""
        ...

    async def load(self, model_id: str) -> float:
        """Have a model in memory; return the seconds it took. Raises ModelMissingError."""
        ...

    async def chat(self, request: ChatRequest) -> ChatReply:
        """Ask one question."""
        ...

    async def aclose(self) -> None:
        """Let go of the connections."""
        ...
