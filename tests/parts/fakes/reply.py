"""What a fake sends back, and the manner in which it sends it."""

from __future__ import annotations

import json
import select
import socket
import struct
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, replace
from http.server import BaseHTTPRequestHandler
from typing import Any

HANG_S = 600.0
HUGE_BYTES = 100 * 1024 * 1024
_BLOCK = b" " * 65536


@dataclass(frozen=True)
class Reply:
    """One answer: `manner` is a name of `MANNERS`."""

    status: int = 200
    body: bytes = b""
    media_type: str = "application/json"
    headers: Mapping[str, str] = field(default_factory=dict)
    manner: str = "whole"

    def sent(self, manner: str) -> Reply:
        return replace(self, manner=manner)

    def with_headers(self, **headers: str) -> Reply:
        named = {name.replace("_", "-"): value for name, value in headers.items()}
        return replace(self, headers={**self.headers, **named})


GONE = Reply(manner="no_answer")
"""The client has gone: nothing is sent to it."""


def as_json(document: Any, status: int = 200) -> Reply:
    return Reply(status, json.dumps(document).encode())


def as_text(text: str, status: int = 200, media_type: str = "text/plain") -> Reply:
    return Reply(status, text.encode(), media_type)


def stays(connection: socket.socket, seconds: float) -> bool:
    """Wait; False as soon as the client has gone."""
    try:
        ready, _, _ = select.select([connection], [], [], seconds)
        return not (ready and connection.recv(1, socket.MSG_PEEK) == b"")
    except ConnectionError:
        return False


Wire = BaseHTTPRequestHandler


def _headers(wire: Wire, reply: Reply, length: int | None) -> None:
    wire.send_response(reply.status)
    wire.send_header("Content-Type", reply.media_type)
    for name, value in reply.headers.items():
        wire.send_header(name, value)
    if length is None:
        wire.send_header("Connection", "close")  # the end of the connection is the end of the body
    else:
        wire.send_header("Content-Length", str(length))
    wire.end_headers()


def _whole(wire: Wire, reply: Reply) -> None:
    _headers(wire, reply, len(reply.body))
    if wire.command != "HEAD":
        wire.wfile.write(reply.body)


def _half(wire: Wire, reply: Reply) -> None:
    _headers(wire, reply, len(reply.body))
    wire.wfile.write(reply.body[: len(reply.body) // 2])
    wire.close_connection = True


def _hang(wire: Wire, _reply: Reply) -> None:
    stays(wire.connection, HANG_S)
    wire.close_connection = True


def _no_answer(wire: Wire, _reply: Reply) -> None:
    wire.close_connection = True


def _reset(wire: Wire, _reply: Reply) -> None:
    """Drop the connection hard: the client sees a reset and no answer."""
    wire.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    wire.connection.close()
    wire.close_connection = True


def _endless(wire: Wire, reply: Reply) -> None:
    _headers(wire, reply, None)
    while True:  # until the client goes: the write fails then
        wire.wfile.write(_BLOCK)


def _drip(wire: Wire, reply: Reply) -> None:
    """One byte every fifth of a second, so that no single read takes long."""
    _headers(wire, reply, None)
    while True:
        wire.wfile.write(b" ")
        time.sleep(0.2)


def _huge(wire: Wire, reply: Reply) -> None:
    _headers(wire, reply, HUGE_BYTES)
    for _ in range(HUGE_BYTES // len(_BLOCK)):
        wire.wfile.write(_BLOCK)


MANNERS: Mapping[str, Callable[[Wire, Reply], None]] = {
    "whole": _whole,
    "half": _half,
    "hang": _hang,
    "no_answer": _no_answer,
    "reset": _reset,
    "endless": _endless,
    "drip": _drip,
    "huge": _huge,
}
