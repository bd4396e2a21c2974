"""Ollama, as section 4 of the facts file tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parts.fakes.kind import Request, Route
from parts.fakes.on_demand import OnDemand
from parts.fakes.reply import Reply, as_json, as_text

_SIZE = 6_000_000_000
_LONG_AGO, _LATER = "2026-01-01T00:00:00Z", "2126-01-01T00:00:00Z"


class Ollama:
    """Its native routes beside /v1; a request loads its model."""

    open_paths: frozenset[str] = frozenset()

    def __init__(self, models: OnDemand) -> None:
        self._models = models

    def routes(self) -> Mapping[str, Route]:
        return {
            "GET /": lambda _: as_text("Ollama is running"),
            "HEAD /": lambda _: as_text("Ollama is running"),
            "GET /api/version": lambda _: as_json({"version": "0.34.0"}),
            "GET /api/tags": self._tags,
            "GET /api/ps": self._running,
            "POST /api/show": self._show,
            "POST /api/chat": self._keep,
            "POST /api/generate": self._keep,
        }

    def error(self, status: int, message: str) -> Reply:
        """4: `error` is a string; whether the /v1 routes differ is not stated."""
        return as_json({"error": message}, status)

    def listed(self, model: str) -> dict[str, Any]:
        return {"id": model, "object": "model", "created": 0, "owned_by": "library"}

    def takes(self, media_type: str, declared: str) -> bool:
        """4: data URLs for jpeg, jpg, png and webp only."""
        kinds = {"image/jpeg", "image/png", "image/webp"}
        return media_type in kinds and declared in {*kinds, "image/jpg"}

    def crash(self, model: str) -> Reply:
        """4: 500; the text is not in the facts file."""
        self._models.set(model, ready=False)
        return self.error(500, "model runner has unexpectedly stopped")

    def _tags(self, _request: Request) -> Reply:
        """4: what is installed; the keys beside `name` are plausible."""
        about = {"modified_at": _LONG_AGO, "size": _SIZE, "digest": "0" * 64, "details": {"format": "gguf"}}
        return as_json({"models": [{"name": model, "model": model, **about} for model in self._models.models]})

    def _running(self, _request: Request) -> Reply:
        """4: what is loaded."""
        about = {"size": _SIZE, "size_vram": 0, "expires_at": _LATER}
        return as_json({"models": [{"name": model, "model": model, **about} for model in self._models.ready()]})

    def _show(self, request: Request) -> Reply:
        """4: the capabilities."""
        if not self._has(request):
            return self._missing(request)
        seeing = ["vision"] if self._models.sees(request.body["model"]) else []
        return as_json({"capabilities": ["completion", *seeing]})

    def _has(self, request: Request) -> bool:
        return request.body.get("model") in self._models.models

    def _missing(self, request: Request) -> Reply:
        return self.error(404, f"model '{request.body.get('model')}' not found")

    def _keep(self, request: Request) -> Reply:
        """4: nothing to say loads the model, or unloads it where `keep_alive` is 0."""
        if not self._has(request):
            return self._missing(request)
        if request.body.get("messages") or request.body.get("prompt"):
            return self.error(400, "this fake chats at /v1/chat/completions alone")
        model, unloads = request.body["model"], request.body.get("keep_alive") == 0
        if unloads:
            self._models.set(model, ready=False)
        elif not self._models.load(model):
            return self.error(500, "failed to load model")
        done = {
            "model": model,
            "created_at": _LONG_AGO,
            "done": True,
            "done_reason": "unload" if unloads else "load",
        }
        return as_json({**done, "message": {"role": "assistant", "content": ""}})
