"""Every kind of model server that FourEyes speaks to, each as a running program."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import httpx
from engine.served import ServedEngine
from pydantic import TypeAdapter

from foureyes.config.settings import AutoServer, Server
from foureyes.picture import encode_png
from foureyes.servers.server import ChatRequest
from parts.direct import DIRECT
from parts.drawing import plain
from parts.fakes.steering import FakeServer
from parts.program import Program, free_port, wait_until

TOKEN_VARIABLE = "FOUREYES_TEST_TOKEN"  # noqa: S105 - the name of a variable
REAL = ("FOUREYES_TEST_LLAMA_SERVER", "FOUREYES_TEST_GGUF", "FOUREYES_TEST_MMPROJ")
_SETTINGS: TypeAdapter[Server] = TypeAdapter(Server)


@dataclass(frozen=True)
class Running:
    """A server that runs; `fake` steers it where it is one of ours."""

    url: str
    fake: FakeServer | None = None


@dataclass(frozen=True)
class ServerKind:
    """How to run it, what its settings are, and which model to ask."""

    name: str
    model: str
    run: Callable[[Path], contextlib.AbstractContextManager[Running]]
    given: Mapping[str, Any] = field(default_factory=dict)
    tells_loaded: bool = True
    """Whether its listing tells a loaded model from another one."""
    can_unload: bool = False

    def settings(self, url: str) -> Server:
        """Settings that name its kind."""
        return _SETTINGS.validate_python({"id": "s", "url": url, **self.given})

    def auto_settings(self, url: str) -> Server:
        """Settings that leave its kind to be found out."""
        token = {"token_env": self.given["token_env"]} if "token_env" in self.given else {}
        return AutoServer(kind="auto", id="s", url=url, **token)

    def __str__(self) -> str:
        return self.name


def _fake(start: Callable[[Path], FakeServer]) -> Callable[[Path], contextlib.AbstractContextManager[Running]]:
    @contextlib.contextmanager
    def run(folder: Path) -> Iterator[Running]:
        with start(folder) as fake:
            yield Running(fake.url, fake)

    return run


@contextlib.contextmanager
def _engine(_folder: Path) -> Iterator[Running]:
    engine = ServedEngine()
    try:
        yield Running(f"http://127.0.0.1:{engine.port}")
    finally:
        engine.close()


@contextlib.contextmanager
def _real_llama_server(folder: Path) -> Iterator[Running]:
    binary, model, projector = (os.environ[name] for name in REAL)
    port = free_port()
    where = ["--host", "127.0.0.1", "--port", str(port), "-c", "4096"]
    program = Program([binary, "-m", model, "--mmproj", projector, *where], folder / "llama-server.log")
    url = f"http://127.0.0.1:{port}"
    try:
        wait_until(lambda: _is_healthy(url), 60, "the real llama-server to be ready")
        yield Running(url)
    finally:
        program.end()


def _is_healthy(url: str) -> bool:
    with contextlib.suppress(httpx.TransportError):
        return httpx.get(f"{url}/health", **DIRECT).is_success
    return False


def _studio(level: str) -> ServerKind:
    return ServerKind(
        f"lmstudio-{level}",
        "a/vl",
        _fake(lambda folder: FakeServer.lmstudio(folder, "--level", level, "a/vl", "b/vl")),
        {"kind": "lmstudio", "token_env": TOKEN_VARIABLE},
        tells_loaded=level != "openai",
        can_unload=level == "v1",
    )


def _flavour(name: str, *, tells_loaded: bool = True, can_unload: bool = True) -> ServerKind:
    return ServerKind(
        name,
        "a/vl",
        _fake(lambda folder: FakeServer.openai(folder, name, "a/vl", "b/vl")),
        {"kind": "openai", "token_env": TOKEN_VARIABLE},
        tells_loaded=tells_loaded,
        can_unload=can_unload,
    )


_LLAMA = {"kind": "llama-server", "token_env": TOKEN_VARIABLE}
FAKES = (
    _studio("v1"),
    _studio("v0"),
    _studio("openai"),
    ServerKind("llama-server", "fake-vl", _fake(FakeServer.llama), _LLAMA),
    ServerKind(
        "llama-router",
        "vl",
        _fake(lambda folder: FakeServer.router(folder, "vl", "other")),
        _LLAMA,
        can_unload=True,
    ),
    _flavour("plain", tells_loaded=False, can_unload=False),
    _flavour("ollama"),
    _flavour("llama-swap"),
    _flavour("vllm", can_unload=False),
)
ENGINE = ServerKind("engine", "signs", _engine, {"kind": "engine"}, can_unload=True)
REAL_LLAMA_SERVER = ServerKind(
    "real-llama-server", Path(os.environ.get(REAL[1], "model.gguf")).name, _real_llama_server, _LLAMA
)
REAL_IS_GIVEN = all(name in os.environ for name in REAL)
KINDS = (ENGINE, *FAKES, *([REAL_LLAMA_SERVER] if REAL_IS_GIVEN else []))

SEEN = {
    "type": "object",
    "properties": {
        "seen": {"enum": ["yes", "no", None], "x-cues": {"yes": {"texts": ["yes"]}}, "x-sign": "dialog"},
    },
    "required": ["seen"],
    "additionalProperties": False,
}
"""A schema that every kind can answer by, the engine's `signs` included."""
SMALL_PICTURE = encode_png(plain((24, 24, 24), 160, 64))


def question(kind: ServerKind, **other: Any) -> ChatRequest:
    """A small question to the model of a kind."""
    given: dict[str, Any] = {
        "model_id": kind.model,
        "prompt": "Is yes seen?",
        "schema": SEEN,
        "pictures": (SMALL_PICTURE,),
        "timeout_s": 20.0,
    }
    return ChatRequest(**{**given, **other})
