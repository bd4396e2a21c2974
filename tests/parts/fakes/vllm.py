"""vLLM, as section 4 of the facts file tells it."""

from __future__ import annotations

import os
import threading
from collections.abc import Mapping
from typing import Any

from parts.fakes.flavour import openai_error
from parts.fakes.kind import Request, Route
from parts.fakes.on_demand import OnDemand
from parts.fakes.reply import Reply, as_json, as_text

_METRICS = "# TYPE vllm:num_requests_running gauge\nvllm:num_requests_running 0.0\n"
_LAST_WORDS_S = 0.1


class Vllm:
    """One base model a process, loaded before it listens."""

    open_paths = frozenset({"/health", "/ping", "/version", "/metrics", "/load"})

    def __init__(self, models: OnDemand) -> None:
        self._models = models
        for model in models.models:
            models.set(model, ready=True)

    def routes(self) -> Mapping[str, Route]:
        return {
            "GET /health": self._health,
            "GET /ping": self._health,
            "GET /version": lambda _: as_json({"version": "0.12.0"}),
            "GET /load": lambda _: as_json({"server_load": 0}),
            "GET /metrics": lambda _: as_text(_METRICS),
        }

    def error(self, status: int, message: str) -> Reply:
        """OpenAI's envelope is plausible; the facts file does not give it."""
        return openai_error(status, message)

    def listed(self, model: str) -> dict[str, Any]:
        return {
            "id": model,
            "object": "model",
            "created": 0,
            "owned_by": "vllm",
            "root": model,
            "max_model_len": 8192,
        }

    def takes(self, media_type: str, declared: str) -> bool:
        """4: data URLs, and remote ones, which this fake does not fetch."""
        return declared != "remote" and media_type.startswith("image/")

    def crash(self, model: str) -> Reply:
        """4: on engine death it answers 500 and shuts down."""
        self._models.set(model, ready=False)
        threading.Timer(_LAST_WORDS_S, os._exit, (1,)).start()
        return self.error(500, "EngineCore encountered an issue. See stack trace (above) for the root cause.")

    def _health(self, _request: Request) -> Reply:
        """4: 200 with an empty body, 503 after EngineDeadError."""
        return Reply(200 if self._models.ready() else 503)
