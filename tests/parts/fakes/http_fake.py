"""The program that every HTTP fake is: it reads a request, writes it down, and sends what its kind says.

`python tests/parts/fakes KIND --port N --folder DIR [flags] MODEL...` starts it; it prints a line when it listens.
In DIR it writes requests.jsonl, unlisted.jsonl (routes that the fake does not list), events.jsonl and pictures.
"""

from __future__ import annotations

import argparse
import contextlib
import copy
import json
import socket
import socketserver
import threading
from collections.abc import Callable, Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from parts.fakes.behaviour import Behaviours
from parts.fakes.control import control
from parts.fakes.failures import anywhere
from parts.fakes.journal import Journal
from parts.fakes.kind import Kind, Request, Route
from parts.fakes.reply import GONE, MANNERS, Reply, as_json, stays
from parts.fakes.sent_picture import SentPicture, image_parts, looked_at, without_bytes

_CONTROL = "/control"


class FakeProgram(ThreadingHTTPServer):
    """One listening fake."""

    daemon_threads = True
    block_on_close = False
    request_queue_size = 128  # many tasks connect at once

    def __init__(self, address: tuple[str, int], kind: Kind, behaviours: Behaviours, journal: Journal) -> None:
        super().__init__(address, Handler)
        self.kind, self.behaviours, self.journal = kind, behaviours, journal
        self._lock, self.in_flight = threading.Lock(), 0
        self._connections = set[socket.socket]()

    def server_bind(self) -> None:
        """Bind without asking any name service who we are."""
        socketserver.TCPServer.server_bind(self)
        self.server_port = int(self.server_address[1])

    def process_request(self, request: Any, client_address: Any) -> None:
        self._connections.add(request)
        super().process_request(request, client_address)

    def shutdown_request(self, request: Any) -> None:
        self._connections.discard(request)
        super().shutdown_request(request)

    def stop(self) -> None:
        """Stop listening and cut what is connected, while the process lives on."""
        self.shutdown()
        self.server_close()
        for connection in list(self._connections):
            with contextlib.suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)

    def entered(self, by: int) -> int:
        with self._lock:
            self.in_flight += by
            return self.in_flight


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: FakeProgram
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two writes

    def log_message(self, *_: object) -> None:
        """Quiet: what matters is in the journal."""

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the client has gone, as it may

    def finish(self) -> None:
        try:
            super().finish()
        except (ConnectionError, ValueError):
            self.close_connection = True  # the connection was dropped on purpose

    def _serve(self) -> None:
        raw = self.rfile.read(int(self.headers.get("Content-Length", 0)))
        path = unquote(urlsplit(self.path).path)
        if path == _CONTROL:
            self._send(self._controlled(raw))
            return
        in_flight = self.server.entered(1)
        try:
            self._send(self._answered(self._request(path, raw), in_flight))
        finally:
            self.server.entered(-1)

    def __getattr__(self, name: str) -> Callable[[], None]:
        if name.startswith("do_"):
            return self._serve  # whatever the method: a wrong one is an answer too
        raise AttributeError(name)

    def _controlled(self, raw: bytes) -> Reply:
        if raw:
            return control(self.server.kind, self.server.behaviours, json.loads(raw))
        return as_json({"loaded": self.server.kind.loaded(), "in_flight": self.server.in_flight})

    def _request(self, path: str, raw: bytes) -> Request:
        headers = {name.title(): value for name, value in self.headers.items()}
        query = dict(parse_qsl(urlsplit(self.path).query))
        body = _parsed(raw)
        pictures = tuple(self._kept(part) for part in image_parts(body))
        return Request(self.command, path, query, headers, body, self.connection, pictures)

    def _kept(self, part: Mapping[str, Any]) -> SentPicture:
        picture, data = looked_at(part["image_url"]["url"])
        if data:
            self.server.journal.keep(picture.digest, data)
        return picture

    def _answered(self, request: Request, in_flight: int) -> Reply:
        route, rest = _route(self.server.kind.routes(), f"{request.method} {request.path}")
        request = _with_rest(request, rest)
        self._note(request, in_flight, listed=route is not None)
        behaviour = self.server.behaviours.next(f"path {request.path}", "path *")
        if behaviour.delay_s and not stays(request.connection, behaviour.delay_s):
            return GONE

        def good() -> Reply:
            kind = self.server.kind
            return kind.refusal(request) or (route or kind.unknown)(request)

        return anywhere(behaviour.fail, self.server.kind.error, behaviour, good) if behaviour.fail else good()

    def _note(self, request: Request, in_flight: int, *, listed: bool) -> None:
        entry = {
            "method": request.method,
            "path": request.path,
            "query": dict(request.query),
            "body": _short(request),
            "pictures": [vars(picture) for picture in request.pictures],
            "authorization": "Authorization" in request.headers,
            "concurrent": in_flight,
            "listed": listed,
        }
        self.server.journal.request(entry)

    def _send(self, reply: Reply) -> None:
        """Send it; a client that did not wait for its end is noted."""
        gone = reply is GONE or reply.manner == "hang"
        try:
            MANNERS[reply.manner](self, reply)
        except ConnectionError:
            gone = True
            raise
        finally:
            if gone:
                self.server.journal.event("gone", path=self.path)


def _parsed(raw: bytes) -> Any:
    if not raw:
        return None
    try:
        return json.loads(raw)
    except ValueError:
        return {"unparsable": raw[:200].decode("utf-8", "replace")}


def _short(request: Request) -> Any:
    """The body without the bytes of its pictures."""
    if not request.pictures:
        return request.body
    body = {**request.body, "messages": copy.deepcopy(request.body["messages"])}
    for part, picture in zip(image_parts(body), request.pictures, strict=True):
        without_bytes(part, picture)
    return body


def _route(routes: Mapping[str, Route], wanted: str) -> tuple[Route | None, str]:
    """The route of a request, and what stood for its `*`."""
    if wanted in routes:
        return routes[wanted], ""
    for pattern, route in routes.items():
        head, star, tail = pattern.partition("*")
        if star and wanted.startswith(head) and wanted.endswith(tail) and len(wanted) > len(head) + len(tail):
            return route, wanted[len(head) : len(wanted) - len(tail)]
    return None, ""


def _with_rest(request: Request, rest: str) -> Request:
    return Request(**{**vars(request), "rest": rest})


def parser() -> argparse.ArgumentParser:
    """The flags that every fake has."""
    flags = argparse.ArgumentParser(allow_abbrev=False)
    flags.add_argument("--host", default="127.0.0.1")
    flags.add_argument("--port", type=int, required=True)
    flags.add_argument("--folder", type=Path, required=True)
    flags.add_argument("--token", default="", help="what it wants as a bearer token")
    flags.add_argument("--load-s", type=float, default=0.0, help="how long a load takes")
    flags.add_argument("--n-ctx", type=int, default=4096, help="the context of a model in tokens")
    flags.add_argument("--leak-mb", type=int, default=0, help="what each chat leaves in memory")
    flags.add_argument("--text-only", action="append", default=[], metavar="MODEL", help="takes no picture")
    flags.add_argument("--loaded", action="append", default=[], metavar="MODEL", help="is loaded from the start")
    flags.add_argument(
        "--control", action="append", default=[], type=json.loads, metavar="JSON", help="as /control"
    )
    return flags


def common(options: argparse.Namespace) -> dict[str, Any]:
    """The settings that every fake has, from its flags."""
    plain = {name: getattr(options, name) for name in ("token", "load_s", "n_ctx", "leak_mb")}
    return {**plain, "text_only": set(options.text_only)}


def opened(kind: Kind, behaviours: Behaviours, journal: Journal, options: argparse.Namespace) -> FakeProgram:
    """A fake that listens, steered as its flags say."""
    for model in options.loaded:
        kind.set_loaded(model, True)
    for document in options.control:
        done = control(kind, behaviours, document)
        assert done.status == 200, done.body
    return FakeProgram((options.host, options.port), kind, behaviours, journal)


def serve(program: FakeProgram) -> None:
    """Say where it listens, then serve until killed."""
    line = {"event": "listening", "port": program.server_port, "kind": type(program.kind).__name__}
    print(json.dumps(line), flush=True)  # noqa: T201 - a program says that it is there
    program.serve_forever(poll_interval=0.05)
