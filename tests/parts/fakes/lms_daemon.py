"""The fake llmster: a detached process that opens the HTTP server when its internal API is told to (2.1)."""

from __future__ import annotations

import argparse
import os
import threading
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

from parts.fakes import lmstudio
from parts.fakes.behaviour import Behaviours
from parts.fakes.http_fake import FakeProgram, opened
from parts.fakes.instances import Instance
from parts.fakes.journal import Journal
from parts.fakes.kind import Request, Route, Settings
from parts.fakes.lms_home import HOST, VERSION, LmsHome
from parts.fakes.reply import Reply, as_json

_LAST_WORDS_S = 0.05


class DaemonApi:
    """The internal API; only /lms-status is known of the real one (2.1), the rest is between the two fakes."""

    def __init__(self, home: LmsHome) -> None:
        self.settings = Settings()
        self.failures: Mapping[str, Callable[[str], Reply]] = {}
        self._home, self._behaviours, self._journal = home, Behaviours(), Journal(home.http_folder)
        self._options = lmstudio.parser().parse_args(_flags(home))
        self._studio = lmstudio.made(self._options, self._behaviours, self._journal)
        self._http: FakeProgram | None = None
        for model in self._options.loaded:
            self._studio.set_loaded(model, True)
        self._options.loaded = []

    def routes(self) -> Mapping[str, Route]:
        return {
            "GET /lms-status": lambda _: as_json({"package": "llmster", "version": VERSION}),
            "POST /open": self._open,
            "POST /close": self._close,
            "POST /quit": self._quit,
            "POST /load": self._load,
            "POST /unload": self._unload,
            "GET /ps": lambda _: as_json({"models": [_loaded(each) for each in self._studio.instances.all()]}),
            "GET /ls": lambda _: as_json({"models": [_downloaded(key) for key in self._options.models]}),
        }

    def refusal(self, _request: Request) -> Reply | None:
        return None

    def unknown(self, request: Request) -> Reply:
        return self.error(404, f"no {request.path}")

    def error(self, status: int, message: str) -> Reply:
        return as_json({"error": message}, status)

    def loaded(self) -> list[str]:
        return self._studio.loaded()

    def set_loaded(self, model: str, loaded: bool) -> None:  # noqa: FBT001 - the word of /control
        self._studio.set_loaded(model, loaded)

    def _open(self, request: Request) -> Reply:
        if self._http is not None:
            return as_json({"opened": True})
        self._options.host, self._options.port = request.body["bind"], request.body["port"]
        try:
            self._http = opened(self._studio, self._behaviours, self._journal, self._options)
        except OSError as error:  # 2.5: a busy port gives little detail
            return self.error(409, f"could not listen: {error.strerror}")
        self._options.control = []  # steered once, at the first opening
        threading.Thread(target=self._http.serve_forever, args=(0.05,), name="http", daemon=True).start()
        self._home.set_http_server(self._http.server_port, self._options.host)
        return as_json({"opened": True})

    def _close(self, _request: Request) -> Reply:
        """2.2: running requests are cut."""
        if self._http is None:
            return self.error(409, "not running")
        self._http.stop()
        self._http = None
        return as_json({"closed": True})

    def _quit(self, _request: Request) -> Reply:
        threading.Timer(_LAST_WORDS_S, os._exit, (0,)).start()
        return as_json({"pid": os.getpid()})

    def _load(self, request: Request) -> Reply:
        body = request.body
        time.sleep(self._studio.settings.load_s)
        instance = self._studio.instances.load(body["key"], body["context_length"], name=body["identifier"])
        return as_json({"identifier": instance.id})

    def _unload(self, request: Request) -> Reply:
        gone = [each for each in request.body["ids"] if self._studio.instances.unload(each)]
        return as_json({"unloaded": gone})


def _flags(home: LmsHome) -> list[str]:
    """What the home's configuration says to the HTTP server, as flags of `lmstudio.py`."""
    config = home.config()
    return ["--port", "0", "--folder", str(home.http_folder), *config.get("flags", []), *config.get("models", [])]


def _loaded(instance: Instance) -> dict[str, Any]:
    """2.2, `lms ps --json`."""
    return {
        **_downloaded(instance.key),
        "identifier": instance.id,
        "ttlMs": None,
        "lastUsedTime": None,
        "contextLength": instance.context_length,
        "status": "idle",
        "queued": 0,
        "parallel": 4,
    }


def _downloaded(key: str) -> dict[str, Any]:
    """2.2, `lms ls --json`."""
    return {
        "type": "llm",
        "modelKey": key,
        "path": f"{key}/{key.rpartition('/')[2]}-Q4_K_M.gguf",
        "sizeBytes": 4_680_000_000,
        "architecture": "qwen2vl",
        "vision": True,
        "maxContextLength": 32768,
    }


def main() -> None:
    """Serve the internal API until told to quit, whatever becomes of the command that started it."""
    flags = argparse.ArgumentParser()
    flags.add_argument("--home", type=Path, required=True)
    flags.add_argument("--gui", action="store_true", help="it is the desktop app")
    options = flags.parse_args()
    home = LmsHome(options.home)
    time.sleep(home.config().get("start_s", 0))
    program = FakeProgram((HOST, 0), DaemonApi(home), Behaviours(), Journal(home.api_folder))
    home.set_daemon(pid=os.getpid(), port=program.server_port, isDaemon=not options.gui)
    program.serve_forever(poll_interval=0.05)


if __name__ == "__main__":
    main()
