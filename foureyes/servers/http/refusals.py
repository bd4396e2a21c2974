"""What a model server says when it does not answer: every error body as one of our exceptions.

Numbers in brackets are sections of the notes on real servers that the wording comes from: 1.x LM Studio,
3 llama-server, 4 others, 9 what a real llama-server was seen to say.
"""

from __future__ import annotations

import email.utils
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

from foureyes.exceptions import (
    BadImageError,
    BadRequestError,
    ContextOverflowError,
    ModelCrashedError,
    ModelMissingError,
    ServerBusyError,
    ServerError,
    ServerLoadingError,
    ServerReplyError,
    UnauthorisedError,
    UnknownRouteError,
)
from foureyes.servers.http import strict_json

_MAX_SAID_CHARS = 300
_MAX_RETRY_AFTER_S = 3600.0


@dataclass(frozen=True)
class Exchange:
    """One request and what came back."""

    route: str
    """Method and path."""
    status: int
    headers: Mapping[str, str]
    data: bytes

    @property
    def text(self) -> str:
        """The body as text, without the space around it."""
        return self.data.decode("utf-8", "replace").strip()

    def document(self) -> Mapping[str, Any]:
        """The body as a JSON object; empty where it is none."""
        try:
            document = strict_json.parsed(self.data)
        except ValueError:
            return {}
        return document if isinstance(document, dict) else {}


@dataclass(frozen=True)
class _Said:
    """The part of a reply that tells why."""

    status: int
    text: str
    codes: frozenset[str]


@dataclass(frozen=True)
class _Rule:
    """A kind of refusal. The status must be among these, and either a code or the words must be found."""

    error: type[ServerError]
    advice: str
    """What to do, as the end of a sentence; {token} stands for where the token goes."""
    statuses: frozenset[int] = frozenset()
    codes: frozenset[str] = frozenset()
    words: re.Pattern[str] | None = None

    def fits(self, said: _Said) -> bool:
        if self.statuses and said.status not in self.statuses:
            return False
        if not self.codes and self.words is None:
            return True
        return bool(self.codes & said.codes or (self.words and self.words.search(said.text)))


def _words(pattern: str) -> re.Pattern[str]:
    return re.compile(pattern, re.IGNORECASE)


_OVERFLOW = "raise the context length of the model (context_length; -c of llama-server), or lower max_edge_px"
_RELOAD = "it must be loaded again; FourEyes does so where the server can"
_BUSY = "it is asked again later"

_RULES = (
    # 1.10, 1.11: with status 200
    _Rule(UnknownRouteError, "update the server, or correct its url or kind",
          words=_words(r"^unexpected endpoint or method")),
    # 1.9
    _Rule(UnauthorisedError, "{token}", statuses=frozenset({401, 403})),
    _Rule(UnauthorisedError, "{token}", codes=frozenset({"invalid_api_key"})),
    # 1.7, 1.11 (also with status 200); 3 and 9: with its own type
    _Rule(ContextOverflowError, _OVERFLOW, codes=frozenset({"exceed_context_size_error"}),
          words=_words(r"context overflow|context size has been exceeded|\bn_keep\b.{0,40}\bn_ctx\b"
                       r"|keep the first \d+ tokens|exceeds the available context size")),
    # 1.7: a picture that it does not take; 3, 9: no projector, and what stb_image cannot read; the engine's own
    _Rule(BadImageError, "choose a model with vision, or start llama-server with its projector (--mmproj)",
          words=_words(r"image input is not supported|not support images?\b")),
    _Rule(BadImageError, "send a PNG or JPEG; lower max_edge_px where it is too large",
          codes=frozenset({"bad_picture", "too_large"}),
          words=_words(r"must be a base64 encoded image|failed to load image|image dimensions exceed")),
    _Rule(BadImageError, "lower max_edge_px", statuses=frozenset({413})),
    # 1.11, 2.5: crashes and loads that failed; 9: a router's child; 4: vLLM's engine
    _Rule(ModelCrashedError, f"see its log; {_RELOAD}",
          words=_words(r"model has crashed|\bexit ?code\b|exited (?:with code|before becoming healthy)"
                       r"|channel error|enginedeaderror|failed to load model|\bmodel \S+ failed to load")),
    # 1.11, 9; the last one was seen in the wild for a chat with nothing loaded
    _Rule(ModelCrashedError, _RELOAD,
          words=_words(r"model is (?:unloaded|not loaded)|^no models? (?:is |are )?loaded")),
    # 1.7, 1.11, 4, 9
    _Rule(ModelMissingError, "correct model_id, or have the server get the model",
          codes=frozenset({"model_not_found", "param=model"}),
          words=_words(r"\bmodel ['\"`].{1,400}['\"`] (?:was )?not found|\bno model\b")),
    # 3
    _Rule(ServerLoadingError, "wait for it", statuses=frozenset({503}), words=_words(r"^loading model")),
    # 1.11; what any HTTP server says of a path
    _Rule(UnknownRouteError, "update the server, or correct its url or kind",
          codes=frozenset({"not_implemented", "not_supported_error"})),
    _Rule(UnknownRouteError, "update the server, or correct its url or kind", statuses=frozenset({404, 405, 501})),
    # 4: 429 with Retry-After, 503 of a full queue; 1.11: a fault of its own, also with status 200
    _Rule(ServerBusyError, _BUSY, statuses=frozenset({408, 425, 429, *range(500, 600)})),
    _Rule(ServerBusyError, _BUSY, codes=frozenset({"internal_error"})),
    # 1.7: never sent by us, so a server that says this did not understand the request
    _Rule(BadRequestError, "it cannot answer by a schema; choose another server or model",
          words=_words(r"response_format")),
    _Rule(ServerReplyError, "an error with a status that says success", statuses=frozenset(range(200, 300))),
    _Rule(ServerReplyError, "it sends us elsewhere; correct its url", statuses=frozenset(range(300, 400))),
    _Rule(BadRequestError, "the same request would be refused again"),
)  # fmt: skip


def refusal(exchange: Exchange, server: str, token_advice: str) -> ServerError | None:
    """The error that a reply is, with a sentence that says what to do; None where it is none."""
    is_success = 200 <= exchange.status < 300
    if is_success and b'"error"' not in exchange.data:
        return None
    document = exchange.document()
    if is_success and document.get("error") is None:
        return None
    said = _said(exchange, document)
    rule = next(rule for rule in _RULES if rule.fits(said))
    advice = rule.advice.replace("{token}", token_advice)
    why = said.text or "no reason given"
    message = f"server '{server}' refused {exchange.route} ({exchange.status}): {why}; {advice}"
    if issubclass(rule.error, ServerBusyError):
        return rule.error(message, retry_after_s=_retry_after_s(exchange.headers))
    return rule.error(message)


def _said(exchange: Exchange, document: Mapping[str, Any]) -> _Said:
    """`error` is a string (1.11, 4) or an object; without one, the body itself is all that is said."""
    error = document.get("error")
    if isinstance(error, Mapping):
        codes = {str(error[key]) for key in ("type", "code") if error.get(key) is not None}
        if error.get("param") == "model":
            codes.add("param=model")
        return _Said(exchange.status, _short(error.get("message") or ""), frozenset(codes))
    return _Said(exchange.status, _short(exchange.text if error is None else error), frozenset())


def _short(text: object) -> str:
    return " ".join(str(text).split())[:_MAX_SAID_CHARS]


def _retry_after_s(headers: Mapping[str, str]) -> float:
    """Retry-After in seconds or as a date; 0 where it says nothing that makes sense."""
    value = headers.get("retry-after", "")
    seconds = float(value) if value.isdecimal() else _until_s(value)
    return min(max(seconds, 0.0), _MAX_RETRY_AFTER_S)


def _until_s(date: str) -> float:
    try:
        when = email.utils.parsedate_to_datetime(date)
    except ValueError:
        return 0.0
    return (when.replace(tzinfo=when.tzinfo or UTC) - datetime.now(UTC)).total_seconds()
