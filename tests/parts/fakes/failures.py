"""Replies that are failures whatever was asked; each server words its errors in its own shape."""

from __future__ import annotations

import gzip
from collections.abc import Callable, Mapping

from parts.fakes.answers import ANSWERS
from parts.fakes.behaviour import Behaviour
from parts.fakes.reply import HUGE_BYTES, MANNERS, Reply, as_json, as_text

ErrorShape = Callable[[int, str], Reply]


def _429(error: ErrorShape, behaviour: Behaviour) -> Reply:
    """4, llama-swap: 429 with Retry-After, in seconds."""
    reply = error(429, "Too many requests")
    if behaviour.retry_after_s is None:
        return reply
    return reply.with_headers(Retry_After=f"{behaviour.retry_after_s:g}")


def _bomb(_error: ErrorShape, _behaviour: Behaviour) -> Reply:
    """Not in the facts file: few bytes on the wire, 100 MB when unpacked."""
    return Reply(body=gzip.compress(b" " * HUGE_BYTES, 1)).with_headers(Content_Encoding="gzip")


def _status(status: int, message: str) -> Callable[[ErrorShape, Behaviour], Reply]:
    return lambda error, _behaviour: error(status, message)


def _fixed(reply: Reply) -> Callable[[ErrorShape, Behaviour], Reply]:
    return lambda _error, _behaviour: reply


ANYWHERE: Mapping[str, Callable[[ErrorShape, Behaviour], Reply]] = {
    "garbage": _fixed(as_text("<html><body>It works!</body></html>", media_type="text/html")),
    "not_json": _fixed(Reply(body=b'{"data": [')),
    "list": _fixed(as_json(["hello"])),
    # 1.10, 1.7: status 200 and the error in the body, as a string and as an object
    "error_string_200": _fixed(as_json({"error": "Channel Error"})),
    "error_object_200": _fixed(as_json({"error": {"type": "internal_error", "message": "Something went wrong"}})),
    # 1.10: how LM Studio says that it has no such route
    "unexpected": _fixed(as_json({"error": "Unexpected endpoint or method. (POST /somewhere)"})),
    "unauthorized": _status(401, "Invalid API key"),
    "redirect": _fixed(Reply(302).with_headers(Location="http://127.0.0.1:9/")),
    "bomb": _bomb,
    "404": _status(404, "Not found"),
    "429": _429,
    "500": _status(500, "Internal server error"),
    "502": _status(502, "Bad gateway"),
    "503": _status(503, "Service unavailable"),
}


def anywhere(name: str, error: ErrorShape, behaviour: Behaviour, good: Callable[[], Reply]) -> Reply:
    """The reply of a failure that may happen at any route."""
    if name in ANYWHERE:
        return ANYWHERE[name](error, behaviour)
    # `good` may block (a load); only half an answer needs it
    return (good() if name == "half" else Reply()).sent(name)


def known(name: str | None, place: str, own: Mapping[str, object]) -> bool:
    """Whether a failure of this name can happen at a place of a server with these failures of its own."""
    tables: list[Mapping[str, object]] = [ANYWHERE, MANNERS]
    tables += [] if place.startswith("path ") else [own]
    tables += [ANSWERS] if place.startswith("chat ") else []
    return name is None or any(name in table for table in tables)
