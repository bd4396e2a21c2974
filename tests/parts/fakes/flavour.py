"""What sets one OpenAI-compatible server apart from another one."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any, Protocol

from parts.fakes.kind import Route
from parts.fakes.on_demand import OnDemand
from parts.fakes.reply import Reply, as_json


class Flavour(Protocol):
    """One of them."""

    open_paths: frozenset[str]
    """What it answers without a key."""

    def routes(self) -> Mapping[str, Route]:
        """What it lists besides /v1/models and /v1/chat/completions."""

    def error(self, status: int, message: str) -> Reply:
        """An error in its shape."""

    def listed(self, model: str) -> dict[str, Any]:
        """One element of /v1/models."""

    def takes(self, media_type: str, declared: str) -> bool:
        """Whether it reads such a picture."""

    def crash(self, model: str) -> Reply:
        """What a client sees when the model dies under its request."""


def openai_error(status: int, message: str) -> Reply:
    """1.7 and 4: OpenAI's envelope; of an unlisted route 404 is plausible, not stated."""
    types = {401: "authentication_error", 404: "not_found_error", 429: "rate_limit_error"}
    type_ = types.get(status, "invalid_request_error" if status < 500 else "server_error")
    return as_json({"error": {"message": message, "type": type_, "param": None, "code": None}}, status)


class Plain:
    """4, "generic": /v1/models is JSON with a `data` list, and nothing else is known."""

    open_paths: frozenset[str] = frozenset()

    def __init__(self, models: OnDemand) -> None:
        self._models = models

    def routes(self) -> Mapping[str, Route]:
        return {}

    def error(self, status: int, message: str) -> Reply:
        return openai_error(status, message)

    def listed(self, model: str) -> dict[str, Any]:
        return {"id": model, "object": "model", "created": 0, "owned_by": "somebody"}

    def takes(self, media_type: str, declared: str) -> bool:
        return media_type == declared in {"image/jpeg", "image/png"}

    def crash(self, model: str) -> Reply:
        self._models.set(model, ready=False)
        return openai_error(500, "The model failed")
