"""llama-swap, as section 4 of the facts file tells it."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from parts.fakes.flavour import openai_error
from parts.fakes.kind import Request, Route
from parts.fakes.on_demand import OnDemand
from parts.fakes.reply import Reply, as_json, as_text


class LlamaSwap:
    """A proxy that starts a model's server when it is asked for."""

    open_paths = frozenset({"/health"})

    def __init__(self, models: OnDemand) -> None:
        self._models = models

    def routes(self) -> Mapping[str, Route]:
        return {
            "GET /health": lambda _: as_text("OK"),
            "GET /running": self._running,
            "GET /unload": self._unload_all,
            "POST /api/models/unload": self._unload_all,
            "POST /api/models/unload/*": self._unload,
            "GET /upstream/*/health": self._start,
        }

    def error(self, status: int, message: str) -> Reply:
        """4: OpenAI's envelope."""
        return openai_error(status, message)

    def listed(self, model: str) -> dict[str, Any]:
        return {"id": model, "object": "model", "created": 0, "owned_by": "llama-swap"}

    def takes(self, media_type: str, declared: str) -> bool:
        """Its upstream is a llama-server here (3): no WebP."""
        return declared != "remote" and media_type in {"image/jpeg", "image/png", "image/bmp", "image/gif"}

    def crash(self, model: str) -> Reply:
        """4: a process that is not ready is 503."""
        self._models.set(model, ready=False)
        return self.error(503, f"process {model} is not ready")

    def _running(self, _request: Request) -> Reply:
        """4: stopped models are left out."""
        rest = {"cmd": "llama-server", "proxy": "http://127.0.0.1:9", "ttl": 0, "name": "", "description": ""}
        states = self._models.states().items()
        running = [{"model": model, "state": state, **rest} for model, state in states if state != "stopped"]
        return as_json({"running": running})

    def _unload_all(self, _request: Request) -> Reply:
        """What it says is not stated."""
        for model in self._models.models:
            self._models.set(model, ready=False)
        return as_text("OK")

    def _unload(self, request: Request) -> Reply:
        """What it says is not stated, but for 404 of an unknown model."""
        if request.rest not in self._models.models:
            return self.error(404, f"no model {request.rest}")
        self._models.set(request.rest, ready=False)
        return as_text("OK")

    def _start(self, request: Request) -> Reply:
        """4: the health of an upstream starts it."""
        if request.rest not in self._models.models:
            return self.error(404, f"no model {request.rest}")
        return as_json({"status": "ok"}) if self._models.load(request.rest) else self.error(500, "start failed")
