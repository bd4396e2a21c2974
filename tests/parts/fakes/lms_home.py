"""The home folder of a fake LM Studio: what its command and its daemon share (2.1)."""

from __future__ import annotations

import http.client
import json
import os
import time
from pathlib import Path
from typing import Any

HOST = "127.0.0.1"
VERSION = "0.4.23"


class LmsHome:
    """Files of one home; everything that the command knows of the daemon stands in them."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self._internal = folder / ".internal"
        self._internal.mkdir(parents=True, exist_ok=True)

    @property
    def http_folder(self) -> Path:
        """Where the HTTP server's requests are written down."""
        return self.folder / "http"

    @property
    def api_folder(self) -> Path:
        return self.folder / "api"

    def config(self) -> dict[str, Any]:
        """How the test wants it: see `FakeLms.configure`."""
        return self._read(self.folder / "config.json")

    def configure(self, **wanted: Any) -> None:
        self._write(self.folder / "config.json", {**self.config(), **wanted})

    def daemon(self) -> dict[str, Any]:
        """`pid`, `port` of the internal API and `isDaemon` of the newest daemon."""
        return self._read(self._internal / "daemon.json")

    def set_daemon(self, **facts: Any) -> None:
        self._write(self._internal / "daemon.json", facts)
        self.append("daemons", facts)

    def http_server(self) -> dict[str, Any]:
        """2.1: the last port and interface of the HTTP server."""
        return self._read(self._internal / "http-server-config.json")

    def set_http_server(self, port: int, bind: str) -> None:
        self._write(self._internal / "http-server-config.json", {"port": port, "networkInterface": bind})

    def append(self, name: str, entry: dict[str, Any]) -> None:
        with (self.folder / f"{name}.jsonl").open("a", encoding="utf-8") as file:
            file.write(json.dumps({"time_s": time.monotonic(), **entry}) + "\n")

    @staticmethod
    def _read(file: Path) -> dict[str, Any]:
        return dict(json.loads(file.read_text("utf-8"))) if file.exists() else {}

    @staticmethod
    def _write(file: Path, document: dict[str, Any]) -> None:
        unfinished = file.with_suffix(f".{os.getpid()}")
        unfinished.write_text(json.dumps(document), encoding="utf-8")
        unfinished.replace(file)


def asked(port: int, method: str, path: str, body: Any = None, timeout_s: float = 1.0) -> dict[str, Any]:
    """One request to a server of this machine; empty where none answers with a document."""
    connection = http.client.HTTPConnection(HOST, port, timeout=timeout_s)
    try:
        connection.request(method, path, json.dumps(body) if body is not None else None)
        return dict(json.loads(connection.getresponse().read()))
    except (OSError, http.client.HTTPException, ValueError):
        return {}
    finally:
        connection.close()
