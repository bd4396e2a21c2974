"""A small WebSocket server that speaks obs-websocket over a real socket, and misbehaves as a test tells it to."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import socket
import struct
import threading
from collections.abc import Callable
from typing import Any, Self

_GUID = b"258EAFA5-E914-47DA-95CA-C5AB0DC85B11"
_TEXT, _CONTINUED, _CLOSE, _PING = 1, 0, 8, 9

Request = dict[str, Any]


class Peer:
    """One connection of a client."""

    def __init__(self, connection: socket.socket, number: int) -> None:
        self.number = number
        self._socket = connection
        self._stream = connection.makefile("rb")

    def handshake(self) -> None:
        headers = {}
        while (line := self._stream.readline().strip()) != b"":
            name, _, value = line.partition(b":")
            headers[name.lower()] = value.strip()
        accept = base64.b64encode(hashlib.sha1(headers[b"sec-websocket-key"] + _GUID).digest())  # noqa: S324 - RFC 6455
        self._socket.sendall(
            b"HTTP/1.1 101 Switching Protocols\r\nUpgrade: websocket\r\nConnection: Upgrade\r\n"
            b"Sec-WebSocket-Accept: " + accept + b"\r\n\r\n"
        )

    def receive(self) -> Any:
        """Return the next message; raises ConnectionError where the client has gone."""
        head = self._read(2)
        length = head[1] & 0x7F
        if length == 126:
            (length,) = struct.unpack(">H", self._read(2))
        mask, data = self._read(4), self._read(length)
        if head[0] & 0x0F == _CLOSE:
            raise ConnectionError("closed")
        return json.loads(bytes(byte ^ mask[at % 4] for at, byte in enumerate(data)))

    def _read(self, size: int) -> bytes:
        data = self._stream.read(size)
        if len(data) < size:
            raise ConnectionError("gone")
        return data

    def send(self, message: Any, *, fragments: int = 1) -> None:
        """Send a message in so many frames, with a ping between them."""
        data = json.dumps(message).encode()
        size = -(-len(data) // fragments)
        parts = [data[at : at + size] for at in range(0, len(data), size)]
        for at, part in enumerate(parts):
            if at:
                self._frame(_PING, b"are you there?", last=True)
            self._frame(_CONTINUED if at else _TEXT, part, last=at == len(parts) - 1)

    def _frame(self, opcode: int, data: bytes, *, last: bool) -> None:
        head = bytes([opcode | (0x80 if last else 0)])
        size = bytes([len(data)]) if len(data) < 126 else b"\x7f" + struct.pack(">Q", len(data))
        self._socket.sendall(head + size + data)

    def answer(self, request: Request, data: Any, *, fragments: int = 1) -> None:
        """Send the answer that belongs to a request."""
        self.send(answer(request["requestType"], request["requestId"], data), fragments=fragments)

    def close(self) -> None:
        with contextlib.suppress(OSError):
            self._socket.shutdown(socket.SHUT_RDWR)
        self._stream.close()
        self._socket.close()


def answer(request_type: str, request_id: str, data: Any) -> Any:
    """A successful answer of obs-websocket 5."""
    status = {"result": True, "code": 100}
    body = {"requestType": request_type, "requestId": request_id, "requestStatus": status, "responseData": data}
    return {"op": 7, "d": body}


class ObsWire:
    """Greets clients as OBS without a password does, and leaves each request to `on_request`."""

    def __init__(self, on_request: Callable[[Peer, Request], None]) -> None:
        self._on_request = on_request
        self._listener = socket.create_server(("127.0.0.1", 0))
        self.port: int = self._listener.getsockname()[1]
        self.connections = 0
        self._peers: list[Peer] = []
        self._threads: list[threading.Thread] = []

    def __enter__(self) -> Self:
        self._start(self._accept)
        return self

    def __exit__(self, *_: object) -> None:
        with contextlib.suppress(OSError):  # it has gone before
            self._listener.shutdown(socket.SHUT_RDWR)
        self._listener.close()
        for peer in self._peers:
            peer.close()
        for thread in self._threads:
            thread.join(5)

    def _start(self, work: Callable[[], None]) -> None:
        thread = threading.Thread(target=work, daemon=True)
        self._threads.append(thread)
        thread.start()

    def _accept(self) -> None:
        with contextlib.suppress(OSError):
            while True:
                connection, _ = self._listener.accept()
                self.connections += 1
                peer = Peer(connection, self.connections)
                self._peers.append(peer)
                self._start(lambda peer=peer: self._serve(peer))

    def _serve(self, peer: Peer) -> None:
        with contextlib.suppress(OSError, ValueError):  # the client has gone, or the test is over
            peer.handshake()
            peer.send({"op": 0, "d": {"obsWebSocketVersion": "5.1.0", "rpcVersion": 1}})
            peer.receive()
            peer.send({"op": 2, "d": {"negotiatedRpcVersion": 1}})
            while True:
                self._on_request(peer, peer.receive()["d"])
