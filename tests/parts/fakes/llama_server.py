"""llama-server's HTTP in single-model mode, from sections 3 and 9 of the facts file; `--router`: `router.py`."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from parts.fakes import http_fake, router
from parts.fakes.behaviour import Behaviours
from parts.fakes.chat import Chat
from parts.fakes.crash import crash
from parts.fakes.journal import Journal
from parts.fakes.kind import FINGERPRINT, Request, Route, Served, Settings
from parts.fakes.llama_shapes import (
    SLOTS,
    error,
    listed,
    no_projector,
    not_found,
    overflow,
    props,
    read_schema,
    refuse_picture,
    slots,
)
from parts.fakes.reply import Reply, as_json


@dataclass
class LlamaSettings(Settings):
    """What its command line says."""

    path: str = "model.gguf"
    alias: str = ""
    vision: bool = True
    old: bool = False
    """Older servers omit `architecture` in the listing (3)."""
    loading_s: float = 0.0

    @property
    def id(self) -> str:
        """9: the path unless there is an alias."""
        return self.alias or self.path


class LlamaServer:
    """A server that serves one model."""

    indent = 2
    """9: any amount of white space and newlines inside the JSON."""

    def __init__(self, settings: LlamaSettings, behaviours: Behaviours, journal: Journal) -> None:
        self.settings, self._journal = settings, journal
        self._chat = Chat(self, behaviours)
        self._ready_at_s = time.monotonic() + settings.loading_s
        self.failures: Mapping[str, Callable[[str], Reply]] = {
            "crash": self._crash,
            "overflow": lambda _: overflow(5210, self.settings.n_ctx),
            "overflow_200": lambda _: as_json({"error": {"message": "Context size has been exceeded."}}),
            # not a text of llama-server's: there for the sake of tests that run over all kinds
            "unloaded": lambda _: error(500, "Model is unloaded."),
            "bad_grammar": lambda _: error(400, "failed to parse grammar", "invalid_request_error"),
        }

    @property
    def _loading(self) -> bool:
        return time.monotonic() < self._ready_at_s

    def routes(self) -> Mapping[str, Route]:
        return {
            **dict.fromkeys((f"GET {path}" for path in FINGERPRINT), self.unknown),
            "GET /health": self._health,
            "GET /v1/health": self._health,
            "GET /v1/models": self._list,
            "GET /models": self._list,
            "GET /props": self._props,
            "GET /slots": self._slots,
            "GET /metrics": lambda _: error(
                501, "This server does not support metrics endpoint.", "not_supported_error"
            ),
            "POST /v1/chat/completions": self._chat,
        }

    def refusal(self, request: Request) -> Reply | None:
        """3: /health needs no key; while loading 503, but for the listing, whose `meta` is null then."""
        open_to_all = request.path in {"/health", "/v1/health", "/v1/models", "/models"}
        if self.settings.token and not open_to_all and request.token != self.settings.token:
            return error(401, "Invalid API Key", "authentication_error")
        return None if open_to_all or not self._loading else error(503, "Loading model", "unavailable_error")

    def unknown(self, _request: Request) -> Reply:
        return not_found()

    def error(self, status: int, message: str) -> Reply:
        return error(status, message)

    def loaded(self) -> list[str]:
        return [] if self._loading else [self.settings.id]

    def set_loaded(self, model: str, loaded: bool) -> None:  # noqa: FBT001 - the word of /control
        """Loading again for ever, or ready at once: the process has this one model."""
        assert model in {self.settings.id, "*"}, f"this server has {self.settings.id} alone"
        self._ready_at_s = time.monotonic() if loaded else float("inf")

    def _health(self, _request: Request) -> Reply:
        """3: 503 "Loading model", then 200."""
        return error(503, "Loading model", "unavailable_error") if self._loading else as_json({"status": "ok"})

    def _list(self, _request: Request) -> Reply:
        """9: both `models` and `data`."""
        settings = self.settings
        model = listed(settings.id, vision=settings.vision, old=settings.old, loading=self._loading)
        other = {"name": settings.id, "model": settings.id, "capabilities": _capabilities(vision=settings.vision)}
        return as_json({"models": [other], "object": "list", "data": [model]})

    def _props(self, _request: Request) -> Reply:
        return as_json(props(self.settings.path, self.settings.n_ctx, vision=self.settings.vision))

    def _slots(self, request: Request) -> Reply:
        """3: `?fail_on_no_slot=1` answers 503 when all are busy."""
        if "fail_on_no_slot" in request.query and self._chat.busy >= SLOTS:
            return error(503, "no slot available", "unavailable_error")
        return as_json(slots(self._chat.busy, self.settings.n_ctx))

    def resolve(self, _request: Request) -> Served:
        """3, single-model mode: there is one model, whatever it is called."""
        return Served(self.settings.id, self.settings.id)

    def schema(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return read_schema(body)

    def refuse_chat(self, request: Request, _served: Served, tokens: int) -> Reply | None:
        if request.pictures and not self.settings.vision:
            return no_projector()
        if tokens >= self.settings.n_ctx:
            return overflow(tokens, self.settings.n_ctx)
        return next(filter(None, map(refuse_picture, request.pictures)), None)

    def _crash(self, key: str) -> Reply:
        """3: the process ends in the middle of a request."""
        self._journal.event("crashed", model=key)
        crash()
        raise AssertionError("unreachable")


def _capabilities(*, vision: bool) -> list[str]:
    return ["completion", "multimodal"] if vision else ["completion"]


def parser() -> argparse.ArgumentParser:
    flags = http_fake.parser()
    flags.add_argument("--model-path", "-m", default="/models/fake-vl.gguf")
    flags.add_argument("--alias", default="")
    flags.add_argument("--no-vision", action="store_true", help="no projector")
    flags.add_argument("--old", action="store_true", help="a listing without architecture")
    flags.add_argument("--loading-s", type=float, default=0.0)
    flags.add_argument("--router", action="store_true", help="started without -m: it serves MODEL...")
    flags.add_argument("--no-autoload", action="store_true")
    flags.add_argument("models", nargs="*", metavar="MODEL")
    return flags


def made(options: argparse.Namespace, behaviours: Behaviours, journal: Journal) -> LlamaServer | router.Router:
    common = http_fake.common(options)
    if options.router:
        settings = router.RouterSettings(**common, autoload=not options.no_autoload, models=options.models)
        return router.Router(settings, behaviours, journal)
    single = LlamaSettings(
        **common,
        path=options.model_path,
        alias=options.alias,
        vision=not options.no_vision,
        old=options.old,
        loading_s=options.loading_s,
    )
    return LlamaServer(single, behaviours, journal)


def main() -> None:
    options, behaviours = parser().parse_args(), Behaviours()
    journal = Journal(options.folder)
    http_fake.serve(http_fake.opened(made(options, behaviours, journal), behaviours, journal, options))


if __name__ == "__main__":
    main()
