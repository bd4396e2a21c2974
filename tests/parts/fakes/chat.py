"""A chat request, from the model that answers it to the answer, good or as bad as it was told to be."""

from __future__ import annotations

import json
import threading
import time
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any, Protocol

from parts.fakes.answers import ANSWERS, Asked, Completion, completion, prompt_tokens
from parts.fakes.behaviour import Behaviour, Behaviours
from parts.fakes.failures import anywhere
from parts.fakes.kind import Kind, Request, Served
from parts.fakes.reply import GONE, Reply, as_json, stays

_MEGABYTE = 1024 * 1024


class ChatKind(Kind, Protocol):
    """A kind that has models to chat with."""

    @property
    def indent(self) -> int | None:
        """How the JSON in its replies is laid out."""

    def resolve(self, request: Request) -> Served | Reply:
        """The model that answers, loaded if that is its way; or why none does."""

    def refuse_chat(self, request: Request, served: Served, tokens: int) -> Reply | None:
        """Why it does not take this request: its pictures, its response_format, its length."""

    def schema(self, body: Mapping[str, Any]) -> Mapping[str, Any] | None:
        """The schema as this kind reads it out of a request."""


class Chat:
    """The chat route of a kind."""

    def __init__(self, kind: ChatKind, behaviours: Behaviours) -> None:
        self._kind, self._behaviours = kind, behaviours
        self._lock, self.busy = threading.Lock(), 0
        self._leaked: list[bytes] = []

    def __call__(self, request: Request) -> Reply:
        with self._counted():
            served = self._kind.resolve(request)
            return served if isinstance(served, Reply) else self._taken(request, served)

    def forget(self) -> None:
        """Give back what leaked."""
        self._leaked.clear()

    @contextmanager
    def _counted(self) -> Iterator[None]:
        with self._lock:
            self.busy += 1
        try:
            yield
        finally:
            with self._lock:
                self.busy -= 1

    def _taken(self, request: Request, served: Served) -> Reply:
        tokens = prompt_tokens(request.body, sum(each.width * each.height for each in request.pictures))
        refused = self._kind.refuse_chat(request, served, tokens)
        if refused is not None:
            return refused
        behaviour = self._behaviours.next(f"chat {served.key}", f"chat {served.id}", "chat *")
        if not self._passes(request, behaviour):
            return GONE
        return self._answer(request, served, behaviour, tokens)

    def _passes(self, request: Request, behaviour: Behaviour) -> bool:
        """Let the time of the answer pass; a burning one does not notice that its client has gone (2.5)."""
        if behaviour.fail == "burn":
            burn(behaviour.delay_s)
            return True
        return not behaviour.delay_s or stays(request.connection, behaviour.delay_s)

    def _answer(self, request: Request, served: Served, behaviour: Behaviour, tokens: int) -> Reply:
        self._leaked.append(b"x" * (self._kind.settings.leak_mb * _MEGABYTE))
        name = behaviour.fail or ""
        if name in self._kind.failures:
            return self._kind.failures[name](served.key)
        asked = Asked(request.body, self._kind.schema(request.body), behaviour.values, self._kind.indent)

        def good() -> Reply:
            return _sent(request, completion(served.id, asked.content, tokens))

        if not name:
            return good()
        if name not in ANSWERS:
            return anywhere(name, self._kind.error, behaviour, good)
        return _sent(request, ANSWERS[name](completion(served.id, asked.content, tokens), asked))


def burn(seconds: float) -> None:
    """Work for real: what a slow prefill looks like from outside."""
    until_s = time.monotonic() + seconds
    while time.monotonic() < until_s:
        sum(number * number for number in range(10_000))


def _sent(request: Request, document: Completion) -> Reply:
    return _streamed(document) if request.body.get("stream") else as_json(document)


def _streamed(document: Completion) -> Reply:
    """1.7, streaming: `data:` chunks; the text in two pieces, then the end."""
    chunks = [_chunk(document, {}, None)]
    for choice in document["choices"]:
        message, end = choice["message"], choice["finish_reason"]
        middle = len(message["content"]) // 2
        thought = {name: message[name] for name in ("reasoning_content",) if name in message}
        first = {"role": "assistant", "content": message["content"][:middle], **thought}
        chunks = [_chunk(document, first, None), _chunk(document, {"content": message["content"][middle:]}, end)]
    lines = [f"data: {json.dumps(chunk)}\n\n" for chunk in chunks]
    return Reply(200, "".join([*lines, "data: [DONE]\n\n"]).encode(), "text/event-stream")


def _chunk(document: Completion, delta: Mapping[str, Any], end: str | None) -> dict[str, Any]:
    head = {name: document[name] for name in ("id", "created", "model", "usage")}
    choice = {"index": 0, "delta": delta, "finish_reason": end}
    return {**head, "object": "chat.completion.chunk", "choices": [choice]}


def nested_schema(body: Mapping[str, Any]) -> Mapping[str, Any] | None:
    """1.7, 3: the schema under `json_schema`, which every server reads; the flat form is read by none."""
    wanted = body.get("response_format") or {}
    nested = wanted.get("json_schema") if wanted.get("type") == "json_schema" else None
    return nested.get("schema") if isinstance(nested, Mapping) else None
