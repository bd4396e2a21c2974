"""llama-server's router mode: many models, each loaded when asked for, as section 3 of the facts file tells it."""

from __future__ import annotations

import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from typing import Any

from parts.fakes.behaviour import Behaviours
from parts.fakes.chat import Chat
from parts.fakes.journal import Journal
from parts.fakes.kind import FINGERPRINT, Request, Route, Served, Settings
from parts.fakes.llama_shapes import (
    error,
    listed,
    no_projector,
    not_found,
    overflow,
    read_schema,
    refuse_picture,
)
from parts.fakes.reply import Reply, as_json

_CRASH_CODE = 134  # 128 + SIGABRT, what a failed GGML_ASSERT ends with


@dataclass
class RouterSettings(Settings):
    """What its command line says."""

    autoload: bool = True
    models: list[str] = field(default_factory=list)


class Router:
    """A server whose models are children of its own."""

    indent = 2

    def __init__(self, settings: RouterSettings, behaviours: Behaviours, journal: Journal) -> None:
        self.settings, self._behaviours, self._journal = settings, behaviours, journal
        self._changed = threading.Condition()
        self._status: dict[str, dict[str, Any]] = {model: _status("unloaded") for model in settings.models}
        self._chat = Chat(self, behaviours)
        self.failures: Mapping[str, Callable[[str], Reply]] = {
            "crash": self._crash,
            "overflow": lambda _: overflow(5210, self.settings.n_ctx),
            "overflow_200": lambda _: as_json({"error": {"message": "Context size has been exceeded."}}),
            "unloaded": self._unloaded,
            # at `load`: the child ends before it is healthy
            "load_failed": lambda key: error(500, f"model {key} failed to load"),
        }

    def routes(self) -> Mapping[str, Route]:
        return {
            **dict.fromkeys((f"GET {path}" for path in FINGERPRINT), self.unknown),
            "GET /health": lambda _: as_json({"status": "ok"}),
            "GET /models": self._list,
            "GET /v1/models": self._list,
            "GET /props": lambda _: as_json({"role": "router", "models_autoload": self.settings.autoload}),
            "POST /models/load": self._load,
            "POST /models/unload": self._unload,
            "POST /v1/chat/completions": self._chat,
        }

    def refusal(self, request: Request) -> Reply | None:
        """3: /health needs no key."""
        if not self.settings.token or request.path == "/health" or request.token == self.settings.token:
            return None
        return error(401, "Invalid API Key", "authentication_error")

    def unknown(self, _request: Request) -> Reply:
        return not_found()

    def error(self, status: int, message: str) -> Reply:
        return error(status, message)

    def loaded(self) -> list[str]:
        return [model for model, status in self._status.items() if status["value"] == "loaded"]

    def set_loaded(self, model: str, loaded: bool) -> None:  # noqa: FBT001 - the word of /control
        self._become(model, "loaded" if loaded else "unloaded")

    def _become(self, model: str, value: str, **more: Any) -> None:
        with self._changed:
            self._status[model] = _status(value, **more)
            self._changed.notify_all()
        if value == "unloaded":
            self._chat.forget()
        self._journal.event(value, instance=model)

    def _list(self, _request: Request) -> Reply:
        """3: `status` with `value`, `args`, and on failure `failed` and `exit_code`."""
        data = [{**self._listed(model), "status": status} for model, status in self._status.items()]
        return as_json({"object": "list", "data": data})

    def _listed(self, model: str) -> dict[str, Any]:
        """Whether an unloaded model has an `architecture` is not established; here it has."""
        return listed(model, vision=model not in self.settings.text_only)

    def _load(self, request: Request) -> Reply:
        """3: success at once, the loading goes on; of a loaded or unknown model nothing is established."""
        model = request.body["model"]
        if model not in self._status:
            return error(404, f"model '{model}' not found", "not_found_error")
        if self._status[model]["value"] in {"loaded", "loading"}:
            return error(400, "model is already loaded", "invalid_request_error")
        self._begin(model)
        return as_json({"success": True})

    def _begin(self, model: str) -> None:
        behaviour = self._behaviours.next(f"load {model}", "load *")
        self._become(model, "loading")
        arguments = (model, behaviour.fail is not None)
        timer = threading.Timer(self.settings.load_s + behaviour.delay_s, self._end_loading, arguments)
        timer.daemon = True
        timer.start()

    def _end_loading(self, model: str, failed: bool) -> None:  # noqa: FBT001 - from a timer
        if failed:
            self._become(model, "unloaded", failed=True, exit_code=1)
        elif self._status[model]["value"] == "loading":  # not unloaded in the meantime
            self._become(model, "loaded")

    def _unload(self, request: Request) -> Reply:
        model = request.body["model"]
        if model not in self._status:  # not established
            return error(404, f"model '{model}' not found", "not_found_error")
        self._become(model, "unloaded")
        return as_json({"success": True})

    def resolve(self, request: Request) -> Served | Reply:
        """3: a request loads its model, unless --no-models-autoload or `?autoload=` say otherwise."""
        model = request.body.get("model", "")
        if model not in self._status:  # not established
            return error(404, f"model '{model}' not found", "not_found_error")
        autoload = request.query.get("autoload", str(self.settings.autoload)).lower() in {"true", "1"}
        if self._status[model]["value"] == "unloaded":
            if not autoload:  # not established
                return error(400, "model is not loaded", "invalid_request_error")
            self._begin(model)
        return self._awaited(model)

    def _awaited(self, model: str) -> Served | Reply:
        with self._changed:
            self._changed.wait_for(lambda: self._status[model]["value"] != "loading")
        if self._status[model]["value"] == "loaded":
            return Served(model, model)
        return error(500, f"model {model} failed to load")

    def schema(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return read_schema(body)

    def refuse_chat(self, request: Request, served: Served, tokens: int) -> Reply | None:
        if request.pictures and served.key in self.settings.text_only:
            return no_projector()
        if tokens >= self.settings.n_ctx:
            return overflow(tokens, self.settings.n_ctx)
        return next(filter(None, map(refuse_picture, request.pictures)), None)

    def _crash(self, key: str) -> Reply:
        """3: each model is a child; its end is seen in the listing, the router lives."""
        self._become(key, "unloaded", failed=True, exit_code=_CRASH_CODE)
        self._journal.event("crashed", model=key)
        return error(500, f"model {key} exited with code {_CRASH_CODE}")

    def _unloaded(self, key: str) -> Reply:
        self._become(key, "unloaded")
        return error(400, "Model is unloaded.")


def _status(value: str, **more: Any) -> dict[str, Any]:
    return {"value": value, "args": ["llama-server"], **more}
