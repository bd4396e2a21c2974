"""How each seeded bug is met from outside: a daemon of the seeded copy, and the world that it meets."""

from __future__ import annotations

import base64
import contextlib
import io
import json
import signal
import time
from collections.abc import Callable, Iterator, Mapping
from pathlib import Path
from typing import Any

import cv2
import numpy as np
from PIL import Image

from foureyes.errors import queries
from foureyes.errors.group import Group
from foureyes.errors.spool import Spool, spool_file
from foureyes.forgewright.case import Case
from foureyes.forgewright.cases import Cases
from foureyes.picture import encode_png
from parts.answering import Answer, AnsweringServer, completed, openai_routes
from parts.foureyes import RunningDaemon
from parts.obs_wire import ObsWire
from parts.program import free_port
from parts.seeded import Seed, environment
from parts.watched import NUMBER, FakeEngine, drawn

Config = dict[str, Any]
World = contextlib.AbstractContextManager[tuple[Config, Callable[[RunningDaemon], None]]]
"""What a daemon is configured with while it lasts, and what is done to the daemon once it runs."""

_FPS = 5
_SEEN_S, _JUDGED_S = 20.0, 60.0


@contextlib.contextmanager
def met(seed: Seed, copy: Path, folder: Path, **settings: Any) -> Iterator[tuple[RunningDaemon, Group]]:
    """Run a daemon of a seeded copy until it has recorded the bug; the daemon and the group of faults."""
    with WORLDS[seed.name](folder) as (config, act):
        file = folder / "config.yaml"
        file.write_text(json.dumps({**config, **settings}), encoding="utf-8")
        with RunningDaemon(folder, "--config", str(file), **environment(copy)) as daemon:
            daemon.wait((daemon.state_dir / "daemon.json").exists, "the daemon says where it is")
            act(daemon)
            daemon.wait(lambda: found(seed, daemon.state_dir) is not None, f"{seed.name} is recorded", _SEEN_S)
            group = found(seed, daemon.state_dir)
            assert group is not None
            yield daemon, group


def found(seed: Seed, state_dir: Path) -> Group | None:
    """The group of the bug's faults, if there is one by now."""
    if not spool_file(state_dir).exists():
        return None
    with Spool(spool_file(state_dir)) as spool:
        return next(iter(queries.groups(spool, queries.Filter(kind=seed.type))), None)


def judged_case(seed: Seed, copy: Path, folder: Path) -> Case:
    """The bug's case once triage of the seeded daemon has made its reproduction; the daemon has ended then."""
    with met(seed, copy, folder) as (daemon, group):

        def case() -> Case | None:
            with Spool(spool_file(daemon.state_dir)) as spool:
                last = Cases(spool).last_of(group.fingerprint)
            return last if last is not None and last.reproduction is not None else None

        daemon.wait(lambda: case() is not None, f"a verdict on {seed.name}", _JUDGED_S)
        found = case()
    assert found is not None
    return found


def _nothing(_: RunningDaemon) -> None:
    """The world as it is will do."""


def _config(source: Mapping[str, Any], url: str, kind: str = "openai", **task: Any) -> Config:
    fields = {"number": NUMBER, "confidence": NUMBER}
    schema = {"type": "object", "properties": fields, "required": ["number"]}
    return {
        "sources": [{"id": "main", "fps": _FPS, **source}],
        "servers": [{"id": "eyes", "kind": kind, "url": url, "restarts": {"cap_s": 1}}],
        "models": {"vl": {"server": "eyes", "model_id": "vl"}},
        "tasks": {"read": {"models": ["vl"], "schema": schema, "prompt": "Read it.", **task}},
    }


Pictures = Callable[[int], bytes]
"""The bytes of the so-manyth picture."""


@contextlib.contextmanager
def _screen(pictures: Pictures, kind: str = "png") -> Iterator[Config]:
    """An OBS that shows these pictures in turn."""
    shown = iter(range(1_000_000))

    def answer(peer: Any, request: Any) -> None:
        data = base64.b64encode(pictures(next(shown))).decode()
        peer.answer(request, {"imageData": f"data:image/{kind};base64,{data}"})

    with ObsWire(answer) as wire:
        yield {"kind": "obs", "port": wire.port, "scene": "Scene", "image_format": kind}


def _numbered(number: int) -> bytes:
    return encode_png(drawn(f"picture {number}"))


@contextlib.contextmanager
def _answering(answered: Callable[[dict[str, Any]], Answer], **task: Any) -> Iterator[Any]:
    """A screen, and a server of OpenAI's routes that answers questions so."""
    with _screen(_numbered) as source, AnsweringServer(openai_routes("vl", answered)) as server:
        yield _config(source, server.url, **task), _nothing


def _without_usage(_: Path) -> World:
    """A server that counts no tokens."""
    return _answering(lambda body: completed(body, {"number": 1}, usage=None))


def _without_a_field(_: Path) -> World:
    """An answer that breaks the schema as a whole."""
    return _answering(lambda body: completed(body, {}))


def _late(_: Path) -> World:
    """An answer that comes after the timeout."""

    def answered(body: dict[str, Any]) -> Answer:
        time.sleep(1.5)
        return completed(body, {"number": 1})

    return _answering(answered, timeout_s=1)


def _busy_for_ever(_: Path) -> World:
    """A server that is busy until the last second that there is, in its own zone."""
    until = {"Retry-After": "Fri, 31 Dec 9999 23:59:59 -0100"}
    return _answering(lambda _: Answer({"error": {"message": "too many requests"}}, 429, until))


def _confident(_: Path) -> World:
    """A model that is more confident than any float."""
    return _answering(lambda body: completed(body, {"number": 1, "confidence": 10**400}))


@contextlib.contextmanager
def _looked_at(folder: Path, pictures: Pictures, kind: str = "png") -> Iterator[Any]:
    """A screen with these pictures, and an engine that reads the same number in all of them."""
    with _screen(pictures, kind) as source, FakeEngine(folder / "engine", ["vl"]) as engine:
        engine.control("vl", values={"number": 1})
        yield _config(source, engine.url, "engine"), _nothing


def _damaged(number: int) -> bytes:
    """A PNG whose data is damaged between a good header and a good end."""
    data = _numbered(number)
    at = data.index(b"IDAT") + 4
    return data[:at] + b"\xff" * 64 + data[at + 64 :]


def _with_exif(number: int) -> bytes:
    """A JPEG as cameras and phones write it: the EXIF block comes first."""
    data, exif = io.BytesIO(), Image.Exif()
    exif[0x0110] = "a camera"
    Image.fromarray(drawn(f"picture {number}")).save(data, "JPEG", exif=exif)
    jfif = data.getvalue()
    at = jfif.index(b"\xff\xe1")
    return jfif[:2] + jfif[at:]


def _growing(number: int) -> bytes:
    """Pictures of two sizes in turn."""
    size = 160 if number % 2 else 320
    return encode_png(np.full((size, size, 3), number % 200, np.uint8))


@contextlib.contextmanager
def _without_a_picture(folder: Path) -> Iterator[Any]:
    """An OBS whose answer has no picture."""
    with (
        ObsWire(lambda peer, request: peer.answer(request, {})) as wire,
        FakeEngine(folder / "engine", ["vl"]) as engine,
    ):
        yield _config({"kind": "obs", "port": wire.port, "scene": "Scene"}, engine.url, "engine"), _nothing


def _doubtful(folder: Path) -> World:
    """A value that nobody confirms, on pictures that go on changing: what is forgotten was never kept."""
    return _looked_at(folder, _numbered)


@contextlib.contextmanager
def _reloaded(folder: Path) -> Iterator[Any]:
    """A configuration with a list for a key, to be read again while the daemon runs."""
    with _looked_at(folder, _numbered) as (config, _):

        def act(daemon: RunningDaemon) -> None:
            (folder / "config.yaml").write_text("? [sources, servers]\n: []\n", encoding="utf-8")
            for _ in range(3):
                daemon.process.send_signal(signal.SIGHUP)
                time.sleep(1)  # wishes that come at once are one

        yield config, act


@contextlib.contextmanager
def _recorded(folder: Path) -> Iterator[Any]:
    """A recording in which somebody has taken a value out of a line."""
    recording = folder / "recording"
    recording.mkdir()
    line = {"id": "main-000001", "source": "main", "captured_at": "2026-11-21T10:00:00Z", "file": "frames/a.png"}
    (recording / "index.jsonl").write_text(json.dumps(line) + "\n", encoding="utf-8")
    with FakeEngine(folder / "engine", ["vl"]) as engine:
        yield _config({"kind": "replay", "path": str(recording)}, engine.url, "engine"), _nothing


@contextlib.contextmanager
def _asked_before_the_first_picture(folder: Path) -> Iterator[Any]:
    """Somebody looks at /health while OBS is not there yet."""
    with FakeEngine(folder / "engine", ["vl"]) as engine:

        def act(daemon: RunningDaemon) -> None:
            for _ in range(3):
                with contextlib.suppress(ValueError):  # with the bug the answer is no JSON
                    daemon.get("/health")

        yield _config({"kind": "obs", "port": free_port(), "scene": "Scene"}, engine.url, "engine"), act


@contextlib.contextmanager
def _listed_without_meta(_: Path) -> Iterator[Any]:
    """An older llama-server, whose listing does not tell how large a model is."""
    listed = {"models": [{"name": "vl", "capabilities": ["multimodal"]}], "data": [{"id": "vl"}]}
    routes = {
        **openai_routes("vl", lambda body: completed(body, {"number": 1})),
        "GET /health": lambda _: Answer({"status": "ok"}),
        "GET /props": lambda _: Answer({"default_generation_settings": {}}),
        "GET /v1/models": lambda _: Answer(listed),
    }
    with _screen(_numbered) as source, AnsweringServer(routes) as server:
        yield _config(source, server.url, "llama-server"), _nothing


@contextlib.contextmanager
def _no_such_day(_: Path) -> Iterator[Any]:
    """A screen that shows a date which does not exist, and the real engine to read it."""

    def picture(number: int) -> bytes:
        pixels = np.full((240, 480, 3), 24, np.uint8)
        for row, text in enumerate(("Due: 31.02.2026", f"Number: {number % 90 + 10}")):
            cv2.putText(
                pixels, text, (20, 80 + 80 * row), cv2.FONT_HERSHEY_SIMPLEX, 1.2, (230,) * 3, 2, cv2.LINE_AA
            )
        return encode_png(pixels)

    schema = {
        "type": "object",
        "properties": {"due": {"type": ["string", "null"], "format": "date"}, "number": NUMBER},
        "required": ["due", "number"],
    }
    with _screen(picture) as source:
        config = {
            "sources": [{"id": "main", "fps": 1, **source}],
            "servers": [{"id": "engine", "kind": "engine"}],
            "models": {"ocr": {"server": "engine", "model_id": "ocr"}},
            "tasks": {"read": {"models": ["ocr"], "schema": schema, "prompt": "Read it."}},
        }
        yield config, _nothing


WORLDS: Mapping[str, Callable[[Path], World]] = {
    "reply-usage": _without_usage,
    "schema-path": _without_a_field,
    "timeout-class": _late,
    "retry-after-overflow": _busy_for_ever,
    "damaged-png": lambda folder: _looked_at(folder, _damaged),
    "obs-answer": _without_a_picture,
    "exif-jpeg": lambda folder: _looked_at(folder, _with_exif, "jpg"),
    "engine-date": _no_such_day,
    "forget-unkept": _doubtful,
    "config-key": _reloaded,
    "recording-line": _recorded,
    "size-change": lambda folder: _looked_at(folder, _growing),
    "health-time": _asked_before_the_first_picture,
    "huge-confidence": _confident,
    "listing-meta": _listed_without_meta,
}
