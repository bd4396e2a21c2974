"""A program that takes cases by webhook, keeps what it got, and misbehaves as it is told; see parts.receiving."""

from __future__ import annotations

import argparse
import base64
import json
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

_HANG_S = 60.0


class Receiver(ThreadingHTTPServer):
    """What it was told: to answer the first `times` requests with `status`, or not at all."""

    daemon_threads = True

    def __init__(self, options: argparse.Namespace) -> None:
        super().__init__(("127.0.0.1", options.port), Handler)
        self.options = options
        self.taken = 0


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: Receiver

    def log_message(self, *_: object) -> None:
        """Quiet: what matters is in the file."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.end_headers()

    def do_POST(self) -> None:
        body = self.rfile.read(int(self.headers["Content-Length"]))
        headers = {name.lower(): value for name, value in self.headers.items()}
        note = {"path": self.path, "headers": headers, "body": base64.b64encode(body).decode()}
        with self.server.options.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(note) + "\n")
        self.server.taken += 1
        misbehaves = self.server.taken <= self.server.options.times
        if misbehaves and self.server.options.status == 0:
            time.sleep(_HANG_S)
        self.send_response(self.server.options.status if misbehaves else 204)
        self.send_header("Location", "/elsewhere")
        self.end_headers()


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--file", type=Path, required=True)
    parser.add_argument("--status", type=int, required=True, help="0: no answer at all")
    parser.add_argument("--times", type=int, required=True)
    server = Receiver(parser.parse_args())
    print(json.dumps({"event": "listening"}), flush=True)  # noqa: T201 - what the test waits for
    server.serve_forever()


if __name__ == "__main__":
    main()
