"""A program that speaks the engine's HTTP and misbehaves as it is told; run as a script it is the server itself.

Tests use `FakeEngine`, which starts it, steers it through POST /control and reads its log of chat requests.
"""

from __future__ import annotations

import argparse
import base64
import hashlib
import json
import signal
import threading
import time
from collections.abc import Mapping
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

_PNG, _JPEG = b"\x89PNG", b"\xff\xd8"
_HANG_S = 60.0
_HUGE_BYTES = 100 * 1024 * 1024


class Behaviour:
    """How a model answers: for its next `times` requests as `fail` and `delay_s` say, always with `values`.

    `evidence` and `withheld` are by field. With `echo` the field of that name holds the number of bytes of the
    picture that was sent. With `hold` the next `times` requests are answered when the test says `release`.
    """

    def __init__(self, lock: threading.Lock) -> None:
        self._lock = lock
        self._by_model: dict[str, dict[str, Any]] = {}

    def set(self, model: str, wanted: Mapping[str, Any]) -> None:
        with self._lock:
            self._by_model.setdefault(model, {}).update(wanted)

    def next(self, model: str) -> dict[str, Any]:
        with self._lock:
            known = self._by_model.setdefault(model, {})
            left = known.get("times", 0)
            if left <= 0:
                return {**known, "fail": None, "delay_s": 0, "hold": False}
            known["times"] = left - 1
            return dict(known)


class FakeServer(ThreadingHTTPServer):
    """The models that it serves, what it was told to do, and the log of what it was asked."""

    daemon_threads = True
    request_queue_size = 128  # many tasks connect at once

    def __init__(self, port: int, folder: Path, models: list[str]) -> None:
        super().__init__(("127.0.0.1", port), Handler)
        self.lock = threading.Lock()
        self.folder, self.models, self.loaded = folder, models, set[str]()
        self.behaviour = Behaviour(self.lock)
        self.released = threading.Event()
        self.health: dict[str, Any] = {"status": "ok"}
        self.listing: Any = None

    def note(self, document: Mapping[str, Any]) -> None:
        with self.lock, (self.folder / "requests.jsonl").open("a", encoding="utf-8") as log:
            log.write(json.dumps(document) + "\n")

    def keep(self, data: bytes) -> str:
        """Store a picture by its digest, for tests that look at its pixels."""
        name = hashlib.sha256(data).hexdigest()
        if not (file := self.folder / f"{name}.picture").exists():
            (whole := self.folder / f"{name}.{threading.get_ident()}").write_bytes(data)
            whole.replace(file)  # a test that reads it meanwhile finds all of it
        return name


class Handler(BaseHTTPRequestHandler):
    """One connection."""

    server: FakeServer
    protocol_version = "HTTP/1.1"
    disable_nagle_algorithm = True  # headers and body are two small writes

    def log_message(self, *_: object) -> None:
        """Quiet: what matters is in the log of requests."""

    def do_GET(self) -> None:
        if self.path == "/health":
            self._send(self.server.health)
        elif self.path == "/v1/models":
            self._send({"object": "list", "data": [{"id": name} for name in self.server.models]})
        elif self.path == "/api/v1/models":
            listed = [self._listed(name) for name in self.server.models]
            self._send({"models": listed if self.server.listing is None else self.server.listing})
        else:
            self._send({"error": {"message": f"unknown route {self.path}"}}, 404)

    def _listed(self, name: str) -> dict[str, Any]:
        return {"key": name, "loaded_instances": [{"id": name}] if name in self.server.loaded else []}

    def do_POST(self) -> None:
        body = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
        if self.path == "/control":
            self._control(body)
            self._send({"done": True})
        elif self.path == "/api/v1/models/load":
            self.server.loaded.add(body["model"])
            self._send({"load_time_seconds": 0.01})
        elif self.path == "/api/v1/models/unload":
            self.server.loaded.discard(body["instance_id"])
            self._send({"instance_id": body["instance_id"]})
        elif self.path == "/v1/chat/completions" and body["model"] not in self.server.models:
            self._send({"error": {"message": f"no model {body['model']!r}"}}, 404)
        elif self.path == "/v1/chat/completions":
            self._chat(body)
        else:
            self._send({"error": {"message": f"unknown route {self.path}"}}, 404)

    def _control(self, body: dict[str, Any]) -> None:
        """Behaviour of a model, or what the whole server says of itself."""
        if body.get("hold"):
            self.server.released.clear()
        elif body.pop("release", False):
            self.server.released.set()
        if "model" in body:
            self.server.behaviour.set(body.pop("model"), body)
        self.server.health = body.get("health", self.server.health)
        self.server.listing = body.get("listing", self.server.listing)

    def _chat(self, body: Mapping[str, Any]) -> None:
        schema = body["response_format"]["json_schema"]["schema"]
        probe = list(schema["properties"]) == ["seen"]
        behaviour = {} if probe else self.server.behaviour.next(body["model"])
        noted = self._noted(body, schema, behaviour.get("fail"))
        if not probe:
            self.server.note(noted)
        time.sleep(behaviour.get("delay_s") or 0)
        if behaviour.get("hold"):
            self.server.released.wait(_HANG_S)
        if name := behaviour.get("echo"):
            size = (self.server.folder / f"{noted['pictures'][0]}.picture").stat().st_size
            behaviour["values"] = {name: size}
        misbehave = getattr(self, f"_fail_{behaviour.get('fail')}", None)
        if misbehave is None:
            self._send(completion(body["model"], schema, behaviour))
        else:
            misbehave(completion(body["model"], schema, behaviour))

    def _noted(self, body: Mapping[str, Any], schema: Mapping[str, Any], fail: str | None) -> dict[str, Any]:
        prompt, *parts = body["messages"][0]["content"]
        pictures = [base64.b64decode(part["image_url"]["url"].partition(",")[2]) for part in parts]
        assert all(data.startswith((_PNG, _JPEG)) for data in pictures)
        return {
            "time_s": time.monotonic(),
            "model": body["model"],
            "user": body.get("user"),
            "prompt": prompt["text"],
            "pictures": [self.server.keep(data) for data in pictures],
            "fields": list(schema["properties"]),
            "schema": schema,
            "fail": fail,
        }

    def _fail_refuse(self, _good: dict[str, Any]) -> None:
        self._send({"error": {"message": "not like this"}}, 400)

    def _fail_refuse_in_prose(self, _good: dict[str, Any]) -> None:
        self._send_bytes(b"<html>Bad Request</html>", 400)

    def _fail_500(self, _good: dict[str, Any]) -> None:
        self._send({"error": {"message": "out of luck"}}, 500)

    def _fail_garbage(self, _good: dict[str, Any]) -> None:
        self._send_bytes(b"<html>hello</html>")

    def _fail_half(self, good: dict[str, Any]) -> None:
        data = json.dumps(good).encode()
        self._headers(200, len(data))
        self.wfile.write(data[: len(data) // 2])
        self.close_connection = True

    def _fail_wrong_model(self, good: dict[str, Any]) -> None:
        self._send({**good, "model": "another/model"})

    def _fail_length(self, good: dict[str, Any]) -> None:
        good["choices"][0]["finish_reason"] = "length"
        self._send(good)

    def _fail_schema(self, good: dict[str, Any]) -> None:
        self._send(with_content(good, '{"number": "not a number", "amount": 7}'))

    def _fail_nan(self, good: dict[str, Any]) -> None:
        self._send(with_content(good, '{"number": NaN, "amount": null}'))

    def _fail_infinity(self, good: dict[str, Any]) -> None:
        self._send(with_content(good, '{"number": 1e999, "amount": null}'))

    def _fail_nan_evidence(self, good: dict[str, Any]) -> None:
        good["foureyes"]["evidence"] = {"number": {"px_height": float("nan")}}
        self._send(good)

    def _fail_surrogate(self, good: dict[str, Any]) -> None:
        self._send(with_content(good, '{"number": null, "amount": "\\ud800"}'))

    def _fail_bad_remarks(self, good: dict[str, Any]) -> None:
        good["foureyes"].update(withheld=["absent"], evidence={"number": 7})
        self._send(good)

    def _fail_deep(self, good: dict[str, Any]) -> None:
        self._send(with_content(good, "[" * 200_000))

    def _fail_hang(self, _good: dict[str, Any]) -> None:
        """Say nothing until the client goes, and note that it did."""
        self.connection.settimeout(_HANG_S)
        if self.connection.recv(1) == b"":
            self.server.note({"gone": True})
        self.close_connection = True

    def _fail_drip(self, _good: dict[str, Any]) -> None:
        """Give one byte every fifth of a second, so that no single read takes long."""
        self._headers(200, 1000)
        for _ in range(1000):
            self.wfile.write(b" ")
            time.sleep(0.2)

    def _fail_huge(self, _good: dict[str, Any]) -> None:
        self._headers(200, _HUGE_BYTES)
        for _ in range(_HUGE_BYTES // 65536):
            self.wfile.write(b" " * 65536)

    def _send(self, document: Mapping[str, Any], status: int = 200) -> None:
        self._send_bytes(json.dumps(document).encode(), status)

    def _send_bytes(self, data: bytes, status: int = 200) -> None:
        self._headers(status, len(data))
        self.wfile.write(data)

    def _headers(self, status: int, length: int) -> None:
        self.send_response(status)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def handle(self) -> None:
        try:
            super().handle()
        except (ConnectionError, TimeoutError):
            self.close_connection = True  # the client has gone, as it may


def completion(model: str, schema: Mapping[str, Any], behaviour: Mapping[str, Any]) -> dict[str, Any]:
    """A good answer: the values that were given through control, else null with "absent"."""
    given = behaviour.get("values") or {}
    values = {name: given.get(name) for name in schema["properties"]}
    reasons = behaviour.get("withheld") or {}
    withheld = {name: reasons.get(name, "absent") for name, value in values.items() if value is None}
    confidence = behaviour.get("confidence", 0.9)
    evidence = {name: shown for name, shown in (behaviour.get("evidence") or {}).items() if name in values}
    remarks = {"withheld": withheld, "evidence": evidence, "confidence": confidence, "confidence_from": "fake"}
    message = {"role": "assistant", "content": json.dumps(values)}
    choices = [{"index": 0, "message": message, "finish_reason": "stop"}]
    return {"model": model, "choices": choices, "foureyes": remarks}


def with_content(good: dict[str, Any], content: str) -> dict[str, Any]:
    good["choices"][0]["message"]["content"] = content
    return good


def main() -> None:
    """Serve until killed."""
    parser = argparse.ArgumentParser()
    parser.add_argument("--port", type=int, required=True)
    parser.add_argument("--folder", type=Path, required=True)
    parser.add_argument("--stubborn", action="store_true", help="ignore SIGTERM")
    parser.add_argument("models", nargs="+")
    options = parser.parse_args()
    if options.stubborn:
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
    server = FakeServer(options.port, options.folder, options.models)
    print(json.dumps({"event": "listening", "port": server.server_port}), flush=True)  # noqa: T201 - as the engine does
    server.serve_forever()


if __name__ == "__main__":
    main()
