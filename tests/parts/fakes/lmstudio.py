"""LM Studio's HTTP in its three levels, as sections 1 and 2 of the facts file tell it.

`--level v1` has native v1, v0 and /v1; `v0` has v0 and /v1; `openai` has /v1 alone. The greeting is there in all.
"""

from __future__ import annotations

import argparse
import threading
import time
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any

from parts.fakes import http_fake
from parts.fakes.behaviour import Behaviour, Behaviours
from parts.fakes.chat import Chat, nested_schema
from parts.fakes.failures import anywhere
from parts.fakes.instances import EMBEDDING, Instance, Instances
from parts.fakes.journal import Journal
from parts.fakes.kind import FINGERPRINT, Request, Route, Served, Settings
from parts.fakes.lmstudio_shapes import (
    native_error,
    native_model,
    openai_model,
    string_error,
    unexpected,
    unrecognized,
    v0_model,
)
from parts.fakes.reply import Reply, as_json

MAX_PIXELS = 26_214_400
_LOAD_KEYS = {
    "model",
    "context_length",
    "eval_batch_size",
    "flash_attention",
    "num_experts",
    "offload_kv_cache_to_gpu",
    "echo_load_config",
}
_CRASHED = "The model has crashed without additional information. (Exit code: 18446744072635812000)"
_GUARDRAIL = "Failed to load model. Model loading was stopped due to insufficient system resources."


@dataclass
class LmStudioSettings(Settings):
    """What the GUI would set (1.8, 1.9)."""

    level: str = "v1"
    jit: bool = True
    evict: bool = True
    models: list[str] = field(default_factory=list)


class LmStudio:
    """The HTTP server of one LM Studio."""

    indent = None

    def __init__(self, settings: LmStudioSettings, behaviours: Behaviours, journal: Journal) -> None:
        self.settings, self._behaviours, self._journal = settings, behaviours, journal
        self._chat, self._jit = Chat(self, behaviours), threading.Lock()
        self.instances = Instances(journal, self._chat.forget)
        self.failures: Mapping[str, Callable[[str], Reply]] = {
            "crash": self._crash,
            "unloaded": self._unloaded,
            # 1.11: context overflow, not streamed
            "overflow": lambda _: string_error(400, "n_keep: 5210>= n_ctx: 4096"),
            # 1.7, BT#2322: the status is 200 and the error is in the body
            "overflow_200": lambda _: as_json({"error": "Context size has been exceeded."}),
            # 8: a load that is refused, not established; 1.11 names the text
            "load_failed": lambda _: native_error(500, "internal_error", _GUARDRAIL),
        }

    def routes(self) -> Mapping[str, Route]:
        native = {
            "GET /api/v1/models": self._native_list,
            "POST /api/v1/models/load": self._load,
            "POST /api/v1/models/unload": self._unload,
        }
        v0 = {"GET /api/v0/models": self._v0_list, "GET /api/v0/models/*": self._v0_one}
        openai: dict[str, Route] = {"GET /v1/models": self._openai_list, "POST /v1/chat/completions": self._chat}
        levels = {"v1": {**native, **v0, **openai}, "v0": {**v0, **openai}, "openai": openai}
        # 1.1: the API level is found by asking, so the lists are asked for where they are unknown as well
        asked = ["GET /api/v1/models", "GET /api/v0/models", *(f"GET {path}" for path in FINGERPRINT)]
        unknown = dict.fromkeys(asked, self.unknown)
        return {**unknown, "GET /lmstudio-greeting": _greeting, **levels[self.settings.level]}

    def refusal(self, request: Request) -> Reply | None:
        """1.9: 401 without the token; the greeting stays open."""
        wanted = self.settings.token
        if not wanted or request.path == "/lmstudio-greeting" or request.token == wanted:
            return None
        return self.error(401, "Invalid API key")

    def unknown(self, request: Request) -> Reply:
        return unexpected(request.method, request.path)

    def error(self, status: int, message: str) -> Reply:
        """1.11: a string, but for authentication (1.9)."""
        if status == 401:
            return native_error(401, "invalid_request", message, "invalid_api_key")
        return string_error(status, message)

    def loaded(self) -> list[str]:
        return [each.id for each in self.instances.all()]

    def set_loaded(self, model: str, loaded: bool) -> None:  # noqa: FBT001 - the word of /control
        """2.5, BT#1476: a model may be unloaded silently."""
        if not loaded:
            self.instances.unload_all(model)
        elif not self.instances.of(model):
            self.instances.load(model, self.settings.n_ctx)

    @property
    def _keys(self) -> list[str]:
        return [*self.settings.models, EMBEDDING]

    def _native_list(self, _request: Request) -> Reply:
        """1.2: `models`, never `data`."""
        listed = [native_model(key, self.instances.of(key), vision=self._sees(key)) for key in self._keys]
        return as_json({"models": listed})

    def _v0_list(self, _request: Request) -> Reply:
        """1.6: `data`, with `state`."""
        return as_json({"object": "list", "data": [self._v0(key) for key in self._keys]})

    def _v0_one(self, request: Request) -> Reply:
        """1.6: one such object; of an unknown id nothing is established, so the shape of 1.11 with 404."""
        if request.rest not in self._keys:
            return native_error(404, "model_not_found", f"Model {request.rest} not found")
        return as_json(self._v0(request.rest))

    def _v0(self, key: str) -> dict[str, Any]:
        return v0_model(key, vision=self._sees(key), loaded=bool(self.instances.of(key)))

    def _openai_list(self, _request: Request) -> Reply:
        """1.7: everything that is downloaded with JIT on, only what is loaded with JIT off."""
        names = self._keys if self.settings.jit else self.loaded()
        return as_json({"object": "list", "data": [openai_model(name) for name in names]})

    def _sees(self, key: str) -> bool:
        return key != EMBEDDING and key not in self.settings.text_only

    def _load(self, request: Request) -> Reply:
        """1.3: it answers when the load is done; a client that went away changes nothing."""
        body = request.body
        strange = set(body) - _LOAD_KEYS
        if strange or "model" not in body:
            return unrecognized(strange)
        if body["model"] not in self._keys:  # 8: not established
            return native_error(404, "model_not_found", f"Model {body['model']} not found")
        started_s = time.monotonic()
        if failed := self._loading(body["model"]):
            return failed
        instance = self.instances.load(body["model"], body.get("context_length", self.settings.n_ctx), body)
        return as_json(
            _load_answer(instance, time.monotonic() - started_s, echo=body.get("echo_load_config", False))
        )

    def _loading(self, key: str) -> Reply | None:
        """Let the time of a load pass; what went wrong, if it was told to."""
        behaviour = self._behaviours.next(f"load {key}", "load *")
        time.sleep(self.settings.load_s + behaviour.delay_s)
        return self._failed(behaviour, key) if behaviour.fail else None

    def _failed(self, behaviour: Behaviour, key: str) -> Reply:
        name = behaviour.fail or ""
        own = self.failures.get(name)
        return own(key) if own else anywhere(name, self.error, behaviour, Reply)

    def _unload(self, request: Request) -> Reply:
        """1.4: the instance's id, strictly; of an unknown one nothing is established (8)."""
        strange = set(request.body) - {"instance_id"}
        if strange or "instance_id" not in request.body:
            return unrecognized(strange)
        instance_id = request.body["instance_id"]
        if not self.instances.unload(instance_id):
            return native_error(404, "model_not_found", f"No instance {instance_id} is loaded")
        return as_json({"instance_id": instance_id})

    def resolve(self, request: Request) -> Served | Reply:
        """1.7 and 1.8: the instance of that name, else a JIT load, else the only one there is."""
        name = request.body.get("model", "")
        instance = self.instances.named(name)
        if instance is None and self.settings.jit and name in self.settings.models:
            return self._just_in_time(name)
        instance = instance or self._only()
        if instance is None:  # 1.7 with several loaded; with none it is not established (8)
            return _model_not_found(name)
        return Served(instance.id, instance.key)

    def _just_in_time(self, key: str) -> Served | Reply:
        with self._jit:  # requests that come meanwhile wait for the same load
            instance = self.instances.named(key)
            if instance is None:
                if failed := self._loading(key):
                    return failed
                if self.settings.evict:
                    self.instances.evict_jit()
                instance = self.instances.load(key, self.settings.n_ctx, jit=True)
        return Served(instance.id, key)

    def _only(self) -> Instance | None:
        """1.7: with exactly one model loaded the name did not matter."""
        everyone: Sequence[Instance] = [each for each in self.instances.all() if each.key != EMBEDDING]
        return everyone[0] if len(everyone) == 1 else None

    def schema(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return nested_schema(body)

    def refuse_chat(self, request: Request, served: Served, tokens: int) -> Reply | None:
        """1.7, images and structured output; 1.11: all of them 400 with a string."""
        wanted = (request.body.get("response_format") or {}).get("type", "text")
        if wanted not in {"json_schema", "text"}:
            return self.error(400, "'response_format.type' must be 'json_schema' or 'text'")
        instance = self.instances.named(served.id)
        n_ctx = instance.context_length if instance else self.settings.n_ctx
        if tokens >= n_ctx:
            return self.error(400, f"n_keep: {tokens}>= n_ctx: {n_ctx}")
        return next(filter(None, (self._refuse_picture(each, served) for each in request.pictures)), None)

    def _refuse_picture(self, picture: Any, served: Served) -> Reply | None:
        # 6, encoding: "with matching type"; what is done with another one is not established: refused
        if picture.media_type not in {"image/jpeg", "image/png"} or picture.declared != picture.media_type:
            return self.error(400, "'url' field must be a base64 encoded image.")
        if picture.width * picture.height > MAX_PIXELS:  # BT#2003
            return self.error(400, "Image dimensions exceed the maximum allowed size")
        if not self._sees(served.key):  # not established
            return self.error(400, "Model does not support images. Please use a model that does.")
        return None

    def _crash(self, key: str) -> Reply:
        """1.11 and 2.5: the exit code as it is printed; the model is not loaded any more."""
        self.instances.unload_all(key)
        self._journal.event("crashed", model=key)
        return self.error(400, _CRASHED)

    def _unloaded(self, key: str) -> Reply:
        """1.11: "Model is unloaded"."""
        self.instances.unload_all(key)
        return self.error(400, "Model is unloaded.")


def _greeting(_request: Request) -> Reply:
    """1.10."""
    return as_json({"lmstudio": True})


def _model_not_found(name: str) -> Reply:
    """1.7, with several models loaded."""
    error = {"type": "invalid_request_error", "param": "model", "code": "model_not_found"}
    return as_json({"error": {"message": f'Model "{name}" not found.', **error}}, 404)


def _load_answer(instance: Instance, seconds: float, *, echo: bool) -> dict[str, Any]:
    """1.3: `load_config` only when echoed."""
    answer = {"type": "llm", "instance_id": instance.id, "load_time_seconds": seconds, "status": "loaded"}
    return {**answer, "load_config": {"context_length": instance.context_length}} if echo else answer


def parser() -> argparse.ArgumentParser:
    flags = http_fake.parser()
    flags.add_argument("--level", choices=["v1", "v0", "openai"], default="v1")
    flags.add_argument("--no-jit", action="store_true")
    flags.add_argument("--no-evict", action="store_true", help="keep every model that was loaded just in time")
    flags.add_argument("models", nargs="*", metavar="MODEL")
    return flags


def made(options: argparse.Namespace, behaviours: Behaviours, journal: Journal) -> LmStudio:
    settings = LmStudioSettings(
        **http_fake.common(options),
        level=options.level,
        jit=not options.no_jit,
        evict=not options.no_evict,
        models=options.models,
    )
    return LmStudio(settings, behaviours, journal)


def main() -> None:
    options, behaviours = parser().parse_args(), Behaviours()
    journal = Journal(options.folder)
    http_fake.serve(http_fake.opened(made(options, behaviours, journal), behaviours, journal, options))


if __name__ == "__main__":
    main()
