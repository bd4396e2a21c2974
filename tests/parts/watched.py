"""A real daemon over a screen that the test draws and a model server that the test steers."""

from __future__ import annotations

import base64
import contextlib
import hashlib
import json
import sys
from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, Self

import cv2
import httpx
import numpy as np
from prometheus_client.parser import text_string_to_metric_families

from foureyes.picture import Pixels, encode_png
from parts import fake_engine
from parts.direct import DIRECT
from parts.foureyes import RunningDaemon
from parts.obs_wire import ObsWire, Peer, Request
from parts.program import Program, free_port, wait_until

WIDTH, HEIGHT = 320, 240
MONEY = {"type": ["string", "null"], "format": "money"}
NUMBER = {"type": ["number", "null"]}


def fake_engine_command(port: int, folder: Path, *arguments: str) -> list[str]:
    """The argument list that starts a fake engine; port 0 lets it choose one and say which."""
    script = str(Path(fake_engine.__file__))
    return [sys.executable, script, "--port", str(port), "--folder", str(folder), *arguments]


class FakeEngine(Program):
    """The fake engine as a process: steer it with `control`, look at what it was asked with `requests`."""

    def __init__(self, folder: Path, models: Sequence[str], port: int | None = None) -> None:
        folder.mkdir(exist_ok=True)
        self.folder, self.models, self.port = folder, tuple(models), port or free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        super().__init__(self._command(), folder / "console.log")
        wait_until(self._answers, 60, "the fake engine to answer")

    def _command(self) -> list[str]:
        return fake_engine_command(self.port, self.folder, *self.models)

    def _answers(self) -> bool:
        with contextlib.suppress(httpx.TransportError):
            return httpx.get(f"{self.url}/health", **DIRECT).is_success
        return False

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self.end()

    def again(self) -> FakeEngine:
        """Another process at the same place, after this one has ended."""
        return FakeEngine(self.folder, self.models, self.port)

    def control(self, model: str, **behaviour: Any) -> None:
        """Tell how a model answers: fail, delay_s and times (how often), values, confidence."""
        steer(self.url, model=model, **behaviour)

    def notes(self) -> list[dict[str, Any]]:
        """Everything noted so far."""
        file = self.folder / "requests.jsonl"
        lines = file.read_text("utf-8").split("\n")[:-1] if file.exists() else []
        return [json.loads(line) for line in lines]

    def requests(self, model: str) -> list[dict[str, Any]]:
        """The chat requests that a model got, probes left out."""
        return [entry for entry in self.notes() if entry.get("model") == model]

    def picture(self, digest: str) -> bytes:
        """The bytes of a picture that was sent."""
        return (self.folder / f"{digest}.picture").read_bytes()


def steer(url: str, **wanted: Any) -> None:
    """Tell a fake engine what to do: see `Handler._control`."""
    httpx.post(f"{url}/control", json=wanted, **DIRECT).raise_for_status()


class DrawnScreen:
    """What a source of kind `obs` sees: the picture that the test last showed, over OBS's own protocol."""

    def __init__(self) -> None:
        self._wire = ObsWire(self._answer)
        self.show(drawn("0"))

    def show(self, pixels: Pixels) -> str:
        """Show a picture from now on; returns the digest of its bytes."""
        self.pixels = pixels
        self._encoded = encode_png(pixels)
        return hashlib.sha256(self._encoded).hexdigest()

    @property
    def connections(self) -> int:
        """How many clients have ever connected."""
        return self._wire.connections

    def _answer(self, peer: Peer, request: Request) -> None:
        text = base64.b64encode(self._encoded).decode()
        peer.answer(request, {"imageData": f"data:image/png;base64,{text}"})

    def __enter__(self) -> Self:
        self._wire.__enter__()
        return self

    def __exit__(self, *_: object) -> None:
        self._wire.__exit__()

    def gone(self) -> None:
        """Nobody answers any more."""
        self._wire.__exit__()

    def source(self, source_id: str = "main", **settings: Any) -> dict[str, Any]:
        """The configuration of a source that watches this screen."""
        address = {"kind": "obs", "port": self._wire.port, "scene": "Scene", "image_format": "png", "fps": 5}
        return {"id": source_id, **address, **settings}


def drawn(text: str) -> Pixels:
    """A small picture with a text on it."""
    pixels = np.full((HEIGHT, WIDTH, 3), 24, np.uint8)
    cv2.putText(pixels, text, (20, 60), cv2.FONT_HERSHEY_SIMPLEX, 1.0, (230, 230, 230), 2)
    return pixels


def task(**settings: Any) -> dict[str, Any]:
    """A task that reads an amount and a number, once, and reads nothing again by itself."""
    fields = {"amount": MONEY, "number": NUMBER}
    schema = {"type": "object", "properties": fields, "required": list(fields)}
    return {"schema": schema, "prompt": "Read it.", "reread_s": 3600, "reads": 1, **settings}


def metric(url: str, name: str, **labels: str) -> float:
    """A figure of a daemon's /metrics; 0 where it was never counted."""
    text = httpx.get(f"{url}/metrics", **DIRECT).text
    samples = [each for family in text_string_to_metric_families(text) for each in family.samples]
    return sum(each.value for each in samples if each.name == name and each.labels.items() >= labels.items())


class Watched:
    """The daemon, the fake engine and the drawn screen, with what tests ask of them."""

    def __init__(self, daemon: RunningDaemon, engine: FakeEngine, screen: DrawnScreen) -> None:
        self.daemon, self.engine, self.screen = daemon, engine, screen

    def readings(self, name: str, source: str = "main") -> list[dict[str, Any]]:
        return [each for each in self.daemon.readings() if (each["task"], each["source"]) == (name, source)]

    def wait_reading(self, name: str, since: int, source: str = "main", **wanted: Any) -> dict[str, Any]:
        """The first reading of a task, after the `since` first ones, whose keys are as wanted."""

        def found() -> list[dict[str, Any]]:
            later = self.readings(name, source)[since:]
            return [each for each in later if all(each[key] == value for key, value in wanted.items())]

        self.daemon.wait(lambda: bool(found()), f"a reading of {name} with {wanted}", 60)
        return found()[0]

    def settle(self, *names: str) -> None:
        """Wait until every one of these tasks has read what is shown now, and holds it."""
        seen, shown_at = len(self.daemon.readings()), datetime.now(UTC)

        def is_of_it(reading: Mapping[str, Any]) -> bool:
            return reading["origin"] == "held" and datetime.fromisoformat(reading["captured_at"]) > shown_at

        def held() -> bool:
            later = {reading["task"] for reading in self.daemon.readings()[seen:] if is_of_it(reading)}
            return later.issuperset(names)

        self.daemon.wait(held, f"{', '.join(names)} hold what is shown", 60)

    def metric(self, name: str, **labels: str) -> float:
        """A figure of /metrics; 0 where it was never counted."""
        return metric(self.daemon.url, name, **labels)

    def dropped(self, where: str, reason: str) -> float:
        """How often something was dropped."""
        return self.metric("dropped_total", where=where, reason=reason)

    def events(self, name: str, task_name: str | None = None) -> list[dict[str, Any]]:
        return [
            entry
            for entry in self.daemon.log_events()
            if entry["event"] == name and task_name in {None, entry.get("task")}
        ]


def write_config(
    folder: Path,
    engine: FakeEngine,
    tasks: Mapping[str, Mapping[str, Any]],
    sources: Sequence[Mapping[str, Any]],
) -> Path:
    """Write a configuration in which each task is read by the fake model of its own name."""
    document = {
        "sources": list(sources),
        "servers": [{"id": "engine", "kind": "engine", "url": engine.url, "check_s": 300}],
        "models": {name: {"server": "engine", "model_id": name} for name in tasks},
        "tasks": {name: {"models": [name], **settings} for name, settings in tasks.items()},
        "log": {"level": "debug"},
    }
    file = folder / "config.yaml"
    file.write_text(json.dumps(document), encoding="utf-8")
    return file


@contextlib.contextmanager
def watching(
    folder: Path,
    tasks: Mapping[str, Mapping[str, Any]],
    sources: Sequence[Mapping[str, Any]] = ({},),
    **environment: str,
) -> Iterator[Watched]:
    """Run a daemon over a screen that the test draws and models that it steers."""
    with DrawnScreen() as screen, FakeEngine(folder / "engine", list(tasks)) as engine:
        config = write_config(folder, engine, tasks, [screen.source(**source) for source in sources])
        with RunningDaemon(folder, "--config", str(config), **environment) as daemon:
            yield Watched(daemon.wait_ready(), engine, screen)
