"""Any other server with OpenAI's /v1, as section 4 of the facts file tells them: `--flavour` says which."""

from __future__ import annotations

import argparse
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from parts.fakes import http_fake
from parts.fakes.behaviour import Behaviours
from parts.fakes.chat import Chat, nested_schema
from parts.fakes.flavour import Flavour, Plain
from parts.fakes.journal import Journal
from parts.fakes.kind import FINGERPRINT, Request, Route, Served, Settings
from parts.fakes.llama_swap import LlamaSwap
from parts.fakes.ollama import Ollama
from parts.fakes.on_demand import OnDemand
from parts.fakes.reply import Reply, as_json
from parts.fakes.vllm import Vllm

FLAVOURS: Mapping[str, Callable[[OnDemand], Flavour]] = {
    "plain": Plain,
    "ollama": Ollama,
    "llama-swap": LlamaSwap,
    "vllm": Vllm,
}
_OVERFLOW = "This model's maximum context length is exceeded (context overflow)"


@dataclass
class OpenAiSettings(Settings):
    """What its configuration says."""

    concurrency: int = 0
    """4, llama-swap: requests at once before 429; 0 is no limit."""


class OpenAiLike:
    """The /v1 routes over the native ones of a flavour."""

    indent = None

    def __init__(
        self, settings: OpenAiSettings, flavour: Flavour, models: OnDemand, behaviours: Behaviours
    ) -> None:
        self.settings, self._flavour, self._models = settings, flavour, models
        self._chat = Chat(self, behaviours)
        self.failures: Mapping[str, Callable[[str], Reply]] = {
            "crash": flavour.crash,
            "unloaded": self._unloaded,
            "overflow": lambda _: flavour.error(400, _OVERFLOW),
            # 4, Ollama: errors in the middle of a stream keep status 200
            "overflow_200": lambda _: as_json({"error": _OVERFLOW}),
        }

    def routes(self) -> Mapping[str, Route]:
        return {
            **dict.fromkeys((f"GET {path}" for path in (*FINGERPRINT, "/health")), self.unknown),
            "GET /v1/models": self._list,
            "POST /v1/chat/completions": self._chat,
            **self._flavour.routes(),
        }

    def refusal(self, request: Request) -> Reply | None:
        if request.token == self.settings.token or request.path in self._flavour.open_paths:
            return None
        return self.error(401, "Invalid API key") if self.settings.token else None

    def unknown(self, _request: Request) -> Reply:
        return self.error(404, "Not Found")

    def error(self, status: int, message: str) -> Reply:
        return self._flavour.error(status, message)

    def loaded(self) -> list[str]:
        return self._models.ready()

    def set_loaded(self, model: str, loaded: bool) -> None:  # noqa: FBT001 - the word of /control
        self._models.set(model, ready=loaded)

    def _list(self, _request: Request) -> Reply:
        """4: everything that is configured or installed, loaded or not."""
        return as_json({"object": "list", "data": [self._flavour.listed(model) for model in self._models.models]})

    def resolve(self, request: Request) -> Served | Reply:
        """4: an unknown model is 404; any request starts its model."""
        model = request.body.get("model", "")
        if model not in self._models.models:
            return self.error(404, f"model '{model}' not found")
        if self.settings.concurrency and self._chat.busy > self.settings.concurrency:
            return self.error(429, "Too many requests").with_headers(Retry_After="1")
        return Served(model, model) if self._models.load(model) else self.error(500, "failed to start the model")

    def schema(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        return nested_schema(body)

    def refuse_chat(self, request: Request, served: Served, tokens: int) -> Reply | None:
        """The texts are plausible; the facts file has none of them."""
        if tokens >= self.settings.n_ctx:
            return self.error(400, _OVERFLOW)
        if request.pictures and served.key in self.settings.text_only:
            return self.error(400, "this model does not support image input")
        if all(self._flavour.takes(each.media_type, each.declared) for each in request.pictures):
            return None
        return self.error(400, "invalid image input")

    def _unloaded(self, key: str) -> Reply:
        self._models.set(key, ready=False)
        return self.error(500, "Model is unloaded.")


def parser() -> argparse.ArgumentParser:
    flags = http_fake.parser()
    flags.add_argument("--flavour", choices=list(FLAVOURS), default="plain")
    flags.add_argument("--concurrency", type=int, default=0, help="requests at once before 429")
    flags.add_argument("--loading-s", type=float, default=0.0, help="before it listens at all (4, vLLM)")
    flags.add_argument("models", nargs="+", metavar="MODEL")
    return flags


def made(options: argparse.Namespace, behaviours: Behaviours, journal: Journal) -> OpenAiLike:
    settings = OpenAiSettings(**http_fake.common(options), concurrency=options.concurrency)
    models = OnDemand(options.models, settings, behaviours, journal)
    return OpenAiLike(settings, FLAVOURS[options.flavour](models), models, behaviours)


def main() -> None:
    options, behaviours = parser().parse_args(), Behaviours()
    journal = Journal(options.folder)
    time.sleep(options.loading_s)
    http_fake.serve(http_fake.opened(made(options, behaviours, journal), behaviours, journal, options))


if __name__ == "__main__":
    main()
