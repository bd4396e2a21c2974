"""Every error body that real servers are known to send, as the error that it is; and what only looks like one.

Numbers are sections of the notes on real servers; "real" bodies were recorded from a llama-server.
"""

from __future__ import annotations

import json
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime
from typing import Any

import httpx
import pytest

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
from foureyes.servers.http.refusals import Exchange, refusal

TOKEN_ADVICE = "put a token into LM_API_TOKEN"  # noqa: S105 - a sentence


def told(status: int, body: Any, **headers: str) -> ServerError | None:
    """What a reply is: `body` is JSON, or bytes as they are."""
    data = body if isinstance(body, bytes) else json.dumps(body).encode()
    exchange = Exchange("POST /v1/chat/completions", status, httpx.Headers(headers), data)
    return refusal(exchange, "studio", TOKEN_ADVICE)


def said(text: str) -> dict[str, Any]:
    return {"error": text}


def enveloped(message: str, type_: str = "invalid_request_error", **more: Any) -> dict[str, Any]:
    return {"error": {"message": message, "type": type_, **more}}


KNOWN: list[tuple[str, int, Any, type[ServerError]]] = [
    # LM Studio
    ("1.10", 200, said("Unexpected endpoint or method. (GET /health)"), UnknownRouteError),
    ("1.9", 401, enveloped("Malformed token", "invalid_request", code="invalid_api_key"), UnauthorisedError),
    ("1.11", 200, enveloped("no", "invalid_request", code="invalid_api_key"), UnauthorisedError),
    ("1.11", 403, b"Forbidden", UnauthorisedError),
    ("1.7", 404, enveloped("The model is not found", param="model", code="model_not_found"), ModelMissingError),
    ("1.11", 400, enveloped("No such thing", "model_not_found"), ModelMissingError),
    ("1.11", 400, said("'url' field must be a base64 encoded image."), BadImageError),
    ("1.7", 400, said("Image dimensions exceed the maximum allowed size"), BadImageError),
    ("1.7", 400, said("'response_format.type' must be 'json_schema' or 'text'"), BadRequestError),
    ("1.11", 400, said("n_keep: 5210>= n_ctx: 4096"), ContextOverflowError),
    ("1.11", 400, said("Trying to keep the first 5210 tokens when context the overflows"), ContextOverflowError),
    ("1.7", 200, said("Context size has been exceeded."), ContextOverflowError),
    (
        "1.11",
        400,
        said("The model has crashed without additional information. (Exit code: 18446744072635812000)"),
        ModelCrashedError,
    ),
    ("1.11", 400, said("Model is unloaded."), ModelCrashedError),
    ("1.11", 500, enveloped("Failed to load model. Not enough memory.", "internal_error"), ModelCrashedError),
    ("2.1", 400, said("llama-server exited before becoming healthy. exitCode=1"), ModelCrashedError),
    ("1.11", 200, said("Channel Error"), ModelCrashedError),
    ("1.11", 200, enveloped("Something went wrong", "internal_error"), ServerBusyError),
    ("1.11", 400, enveloped("later perhaps", "not_implemented"), UnknownRouteError),
    ("1.3", 400, enveloped("Unrecognized key(s) in object: 'ttl'", "invalid_request"), BadRequestError),
    # llama-server
    ("3", 503, enveloped("Loading model", "unavailable_error", code=503), ServerLoadingError),
    ("real", 404, enveloped("File Not Found", "not_found_error", code=404), UnknownRouteError),
    ("real", 501, enveloped("does not support metrics endpoint", "not_supported_error"), UnknownRouteError),
    (
        "real",
        500,
        enveloped("image input is not supported - hint: you may need to provide the mmproj", "server_error"),
        BadImageError,
    ),
    ("real", 400, enveloped("Failed to load image or audio file"), BadImageError),
    (
        "real",
        400,
        enveloped("request (24014 tokens) exceeds the available context size (4096 tokens), try increasing it",
                  "exceed_context_size_error", n_prompt_tokens=24014, n_ctx=4096),
        ContextOverflowError,
    ),
    ("real", 500, enveloped("model name=broken failed to load", "server_error"), ModelCrashedError),
    ("real", 400, enveloped("model is not loaded"), ModelCrashedError),
    ("real", 400, enveloped("model 'nope' not found"), ModelMissingError),
    ("real", 400, enveloped("Unable to generate parser for this template. JSON schema error"), BadRequestError),
    ("real", 500, enveloped("[json.exception.parse_error.101] parse error", "server_error"), ServerBusyError),
    # others
    ("4", 404, said('model "llava" not found, try pulling it first'), ModelMissingError),
    ("4", 404, b"404 page not found", UnknownRouteError),
    ("4", 429, enveloped("Too many requests"), ServerBusyError),
    ("4", 503, said("server busy, please try again. maximum pending requests exceeded"), ServerBusyError),
    ("4", 503, b"", ServerBusyError),
    ("4", 500, enveloped("EngineDeadError: EngineCore encountered an issue", "server_error"), ModelCrashedError),
    ("4", 502, b"<html>Bad Gateway</html>", ServerBusyError),
    # any
    ("any", 408, b"", ServerBusyError),
    ("any", 405, {"detail": "Method Not Allowed"}, UnknownRouteError),
    ("any", 413, b"Payload Too Large", BadImageError),
    ("any", 302, b"", ServerReplyError),
    ("any", 200, said("who knows"), ServerReplyError),
    ("any", 200, {"error": {}}, ServerReplyError),
    ("any", 422, {"detail": [{"msg": "field required"}]}, BadRequestError),
]  # fmt: skip

NEAR_MISSES: list[tuple[str, int, Any, type[ServerError]]] = [
    ("unexpected, but no route", 400, said("the text reads: Unexpected endpoint or method"), BadRequestError),
    ("busy, not loading", 503, enveloped("no slot available", "unavailable_error"), ServerBusyError),
    ("loading, but no status for it", 500, enveloped("Loading model failed"), ServerBusyError),
    ("a load that failed, of a picture", 400, enveloped("Failed to load image or audio file"), BadImageError),
    ("context, but no overflow", 400, said("there is no context for this"), BadRequestError),
    ("a model, but none that is missing", 400, enveloped("the model refused"), BadRequestError),
    ("a missing file, but no model", 404, enveloped("not found: /v1/models/load"), UnknownRouteError),
    ("a code of another kind", 400, enveloped("no", code="some_code"), BadRequestError),
    ("exit, but no code", 400, said("exit the encoder"), BadRequestError),
]


@pytest.mark.parametrize(("section", "status", "body", "error"), KNOWN)
def test_a_known_body_is_its_own_error(section: str, status: int, body: Any, error: type[ServerError]) -> None:
    """A body from the notes is the error that they say it is."""
    assert type(told(status, body)) is error, section


@pytest.mark.parametrize(("what", "status", "body", "error"), NEAR_MISSES)
def test_a_near_miss_is_not_taken_for_it(what: str, status: int, body: Any, error: type[ServerError]) -> None:
    """Words alone, in another place or with another status, are not enough."""
    assert type(told(status, body)) is error, what


@pytest.mark.parametrize(
    "body", [{"data": []}, {"error": None, "data": []}, {"note": 'no "error" here'}, b"OK", b"", [{"error": "x"}]]
)
def test_a_good_reply_is_no_refusal(body: Any) -> None:
    """Success without an error in its body is success, whatever else is in it."""
    assert told(200, body) is None


def test_a_sentence_says_who_what_why_and_what_to_do() -> None:
    """The message names the server and the route, gives its words on one line, cut, and ends with advice."""
    error = told(400, said("n_keep: 1>= n_ctx: 2\n" + "x" * 5000))
    assert error is not None
    message = str(error)
    assert message.startswith("server 'studio' refused POST /v1/chat/completions (400): n_keep: 1>= n_ctx: 2 xxx")
    assert message.endswith(
        "raise the context length of the model (context_length; -c of llama-server), or lower max_edge_px"
    )
    assert len(message) < 600
    assert str(told(401, b"")).endswith(TOKEN_ADVICE)


@pytest.mark.parametrize(
    ("value", "seconds"),
    [("7", 7), ("0", 0), ("", 0), ("-3", 0), ("soon", 0), ("1e9", 0), ("999999", 3600)],
)
def test_retry_after_is_read_in_seconds(value: str, seconds: float) -> None:
    """Whole seconds count, up to an hour; what makes no sense is none."""
    error = told(429, b"", **{"Retry-After": value})
    assert isinstance(error, ServerBusyError)
    assert error.retry_after_s == seconds


def test_retry_after_is_read_as_a_date() -> None:
    """A date is so many seconds from now."""
    when = datetime.now(UTC) + timedelta(seconds=100)
    error = told(503, b"", **{"Retry-After": format_datetime(when, usegmt=True)})
    assert isinstance(error, ServerBusyError)
    assert 50 < error.retry_after_s <= 100


def test_retryable_is_what_may_pass_by_itself() -> None:
    """Busy, loading and crashed may be tried again; a token, a missing model or a bad picture may not."""
    again = {told(503, b""), told(200, said("Channel Error")), told(503, enveloped("Loading model"))}
    never = {
        told(401, b""),
        told(404, said("model 'x' not found")),
        told(413, b""),
        told(200, said("Unexpected endpoint or method. ()")),
    }
    assert all(error is not None and error.retryable for error in again)
    assert not any(error is None or error.retryable for error in never)
