"""A small HTTP server in the test's own process that answers each route with what the test put there."""

from __future__ import annotations

import contextlib
import json
import threading
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, Self

Document = dict[str, Any]


@dataclass(frozen=True)
class Answer:
    """A status, a document that is sent as JSON, and further headers."""

    document: Any
    status: int = 200
    headers: Mapping[str, str] = field(default_factory=dict)


Answered = Callable[[Document], Answer]
"""What is answered to a request with this JSON body."""


class AnsweringServer:
    """Answers "GET /x" and "POST /x" by a table, and everything else with 404."""

    def __init__(self, routes: Mapping[str, Answered]) -> None:
        table = routes

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"
            disable_nagle_algorithm = True

            def handle(self) -> None:
                with contextlib.suppress(ConnectionError):  # the client has gone, as it may
                    super().handle()

            def log_message(self, *_: object) -> None:
                """Quiet."""

            def do_GET(self) -> None:
                self._answer({})

            def do_POST(self) -> None:
                self._answer(json.loads(self.rfile.read(int(self.headers["Content-Length"]))))

            def _answer(self, body: Document) -> None:
                route = table.get(f"{self.command} {self.path}", lambda _: Answer({"error": "not found"}, 404))
                answer = route(body)
                data = json.dumps(answer.document).encode()
                self.send_response(answer.status)
                for name, value in {"Content-Type": "application/json", **answer.headers}.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(data)))
                self.end_headers()
                self.wfile.write(data)

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.daemon_threads = True
        self._thread = threading.Thread(target=self._server.serve_forever, args=(0.05,), daemon=True)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self._server.server_port}"

    def __enter__(self) -> Self:
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def openai_routes(model: str, answered: Callable[[Document], Answer]) -> dict[str, Answered]:
    """Plain OpenAI routes with one model: probes are answered well, other questions with `answered`."""

    def chat(body: Document) -> Answer:
        schema = body["response_format"]["json_schema"]["schema"]
        is_probe = list(schema["properties"]) == ["seen"]
        return completed(body, {"seen": None}) if is_probe else answered(body)

    return {
        "GET /v1/models": lambda _: Answer({"object": "list", "data": [{"id": model}]}),
        "POST /v1/chat/completions": chat,
    }


def completed(body: Document, values: Any, **more: Any) -> Answer:
    """A model's good reply with these values."""
    choice = {"message": {"role": "assistant", "content": json.dumps(values)}, "finish_reason": "stop"}
    usage = {"prompt_tokens": 10, "completion_tokens": 5}
    return Answer({"model": body["model"], "choices": [choice], "usage": usage, **more})
