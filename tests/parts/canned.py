"""A server that always says the same, one fixed body a route: a program that is no model server, or a sly one."""

from __future__ import annotations

import contextlib
import json
import os
import socket
import sys
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, Self

from parts.program import Program, free_port, wait_until


class CannedServer(Program):
    """Says `replies["GET /path"]` (an object as JSON, text as it is); 404 with no words to anything else."""

    def __init__(self, folder: Path, replies: Mapping[str, Any], *, server: str = "canned") -> None:
        self.port = free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        told = json.dumps({"replies": dict(replies), "server": server, "port": self.port})
        here = {**os.environ, "PYTHONPATH": str(Path(__file__).parents[1])}
        super().__init__([sys.executable, "-m", "parts.canned", told], folder / "canned.log", here)
        wait_until(self._listens, 60, "the canned server to listen")

    def _listens(self) -> bool:
        with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", self.port)):
            return True
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()


def _handler(told: Mapping[str, Any]) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        server_version, sys_version = told["server"], ""

        def log_message(self, *_: object) -> None:
            """Quiet."""

        def _say(self) -> None:
            self.rfile.read(int(self.headers.get("Content-Length", 0)))
            said = told["replies"].get(f"{self.command} {self.path}")
            data = b"" if said is None else (said if isinstance(said, str) else json.dumps(said)).encode()
            self.send_response(404 if said is None else 200)
            self.send_header("Content-Length", str(len(data)))
            self.end_headers()
            self.wfile.write(data)

        do_GET = do_POST = _say  # noqa: N815 - the base class's names

    return Handler


if __name__ == "__main__":
    _told = json.loads(sys.argv[1])
    ThreadingHTTPServer(("127.0.0.1", _told["port"]), _handler(_told)).serve_forever()
