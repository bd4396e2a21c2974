"""The engine as a real process: its routes, its refusals, its end."""

from __future__ import annotations

import io
import json
import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from typing import Any

import numpy as np
import pytest
from parts.jpeg import encode_jpeg
from PIL import Image
from screens import At, draw
from served import CHAT, ServedEngine, body, data_url
from test_layouts import MONEY, schema

from foureyes.engine.server import serve
from foureyes.exceptions import PortTakenError
from foureyes.picture import Pixels, encode_png

BALANCE = schema(balance=MONEY)
REELS = schema(
    reels={"enum": ["spinning", "stopped", None], "x-motion": {"moving": "spinning", "still": "stopped"}}
)
SIGNS = schema(
    error_text={"type": ["string", "null"], "x-sign": "error_text"},
    popup={"type": ["boolean", "null"], "x-sign": "dialog"},
    disconnected={"type": ["boolean", "null"], "x-sign": "disconnected"},
    black={"type": ["boolean", "null"], "x-sign": "black"},
    frozen={"type": ["boolean", "null"], "x-sign": "frozen"},
)
SCREEN = draw([At(40, 40, "Balance"), At(240, 40, "$1,785.42"), At(40, 120, "Ready")], 640, 360)
NOISE = np.random.default_rng(3).integers(0, 255, (720, 1280, 3), dtype=np.uint8)


@pytest.fixture(scope="module")
def engine() -> Iterator[ServedEngine]:
    running = ServedEngine()
    try:
        yield running
    finally:
        running.close()


def png(image: Image.Image) -> bytes:
    written = io.BytesIO()
    image.save(written, "PNG")
    return written.getvalue()


def fault(response: Any) -> tuple[int, str]:
    error = response.json()["error"]
    assert error["message"]
    assert error["type"]
    return response.status_code, error["code"]


def test_it_says_in_one_line_on_which_port_it_listens(engine: ServedEngine) -> None:
    """The first line of standard output is one JSON object with the port."""
    assert json.loads(engine.first_line) == {"event": "listening", "port": engine.port}


def test_a_chat_request_is_answered_like_a_language_model_does(engine: ServedEngine) -> None:
    """The answer is JSON text in the first choice, with what the engine knows beside."""
    told = engine.ask("ocr", BALANCE, [SCREEN], max_tokens=500, temperature=0.1)
    assert told["values"] == {"balance": "1785.42"}
    whole = told["whole"]
    assert (whole["object"], whole["model"], whole["choices"][0]["finish_reason"]) == (
        "chat.completion",
        "ocr",
        "stop",
    )
    assert told["withheld"] == {}
    assert {"decode", "detect", "recognise", "associate"} <= told["timings_ms"].keys()
    assert 0 < told["confidence"] <= 1
    assert told["confidence_from"]


def test_jpeg_is_read_as_png_is(engine: ServedEngine) -> None:
    """A data URL may hold a JPEG."""
    response = engine.post(body("ocr", BALANCE, [data_url(encode_jpeg(SCREEN), "jpeg")]))
    assert json.loads(response.json()["choices"][0]["message"]["content"]) == {"balance": "1785.42"}


def test_fields_of_several_pictures(engine: ServedEngine) -> None:
    """Each field is read from the picture that its schema names."""
    asked = {**schema(a={**MONEY, "x-alone": True}, b={**MONEY, "x-alone": True, "x-picture": 1}), "x-pictures": 2}
    crops = [draw([At(10, 10, text, 30)], 300, 56) for text in ("$1.25", "$7.50")]
    assert engine.ask("ocr", asked, crops)["values"] == {"a": "1.25", "b": "7.50"}


def test_models_are_listed_for_both_kinds_of_client(engine: ServedEngine) -> None:
    """The OpenAI list has the ids, the native one what is loaded."""
    ids = [model["id"] for model in engine.http.get("/v1/models").json()["data"]]
    native = engine.http.get("/api/v1/models").json()["models"]
    assert ids == [model["key"] for model in native] == ["ocr", "state", "animation", "signs"]
    assert all(model["capabilities"]["vision"] for model in native)


def test_load_and_unload_show_in_the_list(engine: ServedEngine) -> None:
    """Loading twice is loading once; what was unloaded is not listed as loaded, and answers again when asked."""

    def instances() -> list[str]:
        models = engine.http.get("/api/v1/models").json()["models"]
        return [
            instance["id"] for model in models if model["key"] == "state" for instance in model["loaded_instances"]
        ]

    for _ in range(2):
        loaded = engine.http.post("/api/v1/models/load", json={"model": "state"}).json()
        assert (loaded["instance_id"], loaded["status"]) == ("state", "loaded")
        assert instances() == ["state"]
    assert engine.http.post("/api/v1/models/unload", json={"instance_id": "state"}).json() == {
        "instance_id": "state"
    }
    assert instances() == []
    asked = schema(state={"enum": ["ready", None], "x-cues": {"ready": {"texts": ["ready"]}}})
    assert engine.ask("state", asked, [SCREEN])["values"] == {"state": "ready"}
    assert instances() == ["state"]


def test_health_says_ok_in_its_body(engine: ServedEngine) -> None:
    """A healthy engine answers 200 with status ok, and shows its lanes."""
    response = engine.http.get("/health")
    assert (response.status_code, response.json()["status"]) == (200, "ok")
    assert response.json()["lanes"].keys() == {"text", "pixel"}


def test_motion_is_told_from_a_pair(engine: ServedEngine) -> None:
    """A part that differs moves, equal pictures are still, another scene altogether or one alone tells nothing."""
    moved, other = NOISE.copy(), np.ascontiguousarray(np.roll(NOISE, 9, axis=0))
    height = NOISE.shape[0]
    moved[: height // 2] = other[: height // 2]
    assert engine.ask("animation", REELS, [moved, NOISE])["values"] == {"reels": "spinning"}
    assert engine.ask("animation", REELS, [other, NOISE])["withheld"] == {"reels": "ambiguous"}
    assert engine.ask("animation", REELS, [NOISE, NOISE])["values"] == {"reels": "stopped"}
    alone = engine.ask("animation", REELS, [NOISE])
    assert (alone["values"], alone["withheld"], alone["confidence"]) == (
        {"reels": None},
        {"reels": "absent"},
        None,
    )


def test_a_black_picture_is_black_and_shows_nothing(engine: ServedEngine) -> None:
    """Of a black picture only that is said; of a single picture never that it is frozen."""
    told = engine.ask("signs", SIGNS, [np.zeros((720, 1280, 3), np.uint8)])
    assert told["values"] == {
        "error_text": None,
        "popup": False,
        "disconnected": False,
        "black": True,
        "frozen": None,
    }
    assert told["withheld"] == {"error_text": "absent", "frozen": "absent"}


def test_a_lost_connection_is_seen(engine: ServedEngine) -> None:
    """The words say it, and they are the error text."""
    lost = draw([At(400, 300, "Verbindung unterbrochen", 36), At(520, 380, "Bitte warten", 24)])
    told = engine.ask("signs", SIGNS, [lost, lost])["values"]
    assert told == {
        "error_text": "Verbindung unterbrochen",
        "popup": False,
        "disconnected": True,
        "black": False,
        "frozen": True,
    }


@pytest.mark.parametrize(
    ("method", "path", "status"),
    [("GET", "/nothing", 404), ("POST", "/health", 405), ("GET", CHAT, 405), ("POST", "/v1/completions", 404)],
)
def test_unknown_routes_and_methods(engine: ServedEngine, method: str, path: str, status: int) -> None:
    """Nothing but the routes there are answers 200."""
    response = engine.http.request(method, path)
    assert fault(response) == (status, "no_route")


GREY = png(Image.fromarray(SCREEN[:, :, 0]))
ALPHA = png(Image.fromarray(SCREEN).convert("RGBA"))
DEEP = png(Image.fromarray(SCREEN[:, :, 0].astype(np.uint16) * 257))


@pytest.mark.parametrize("data", [GREY, ALPHA, DEEP], ids=["grey", "alpha", "16 bit"])
def test_pictures_of_other_depths_are_read(engine: ServedEngine, data: bytes) -> None:
    """Grey, transparent and deep pictures are pictures."""
    response = engine.post(body("ocr", BALANCE, [data_url(data)]))
    assert json.loads(response.json()["choices"][0]["message"]["content"]) == {"balance": "1785.42"}


@pytest.mark.parametrize(
    "pixels",
    [
        np.zeros((1, 1, 3), np.uint8),
        NOISE[:3].repeat(2, axis=1)[:, :2000],
        np.ascontiguousarray(NOISE[:3].repeat(2, axis=1)[:, :2000].transpose(1, 0, 2)),
        NOISE,
        np.zeros((720, 1280, 3), np.uint8),
    ],
    ids=["1x1", "2000x3", "3x2000", "noise", "black"],
)
def test_odd_pictures_give_nothing_and_cost_little(engine: ServedEngine, pixels: Pixels) -> None:
    """What has no text in it is answered with null, at a bounded cost."""
    before_s = engine.cpu_s()
    told = engine.ask("ocr", BALANCE, [pixels])
    assert told["values"] == {"balance": None}
    assert engine.cpu_s() - before_s < 5.0
    assert engine.resident_mb() < 800


PNG_URL = data_url(encode_png(SCREEN))
TRUNCATED = data_url(encode_png(SCREEN)[:-40])
WIDE = data_url(png(Image.new("L", (8200, 10))))


@pytest.mark.parametrize(
    ("document", "status", "code"),
    [
        (body("ocr", BALANCE, [TRUNCATED]), 400, "bad_picture"),
        (body("ocr", BALANCE, [data_url(b"no picture")]), 400, "bad_picture"),
        (body("ocr", BALANCE, ["data:image/png;base64,@@@"]), 400, "bad_picture"),
        (body("ocr", BALANCE, ["http://127.0.0.1:9/a.png"]), 400, "bad_picture"),
        (body("ocr", BALANCE, [WIDE]), 413, "too_large"),
        (body("ocr", BALANCE, []), 400, "bad_request"),
        (body("ocr", BALANCE, [PNG_URL] * 3), 400, "bad_request"),
        (body("ocr", {"type": "object"}, [PNG_URL]), 400, "bad_schema"),
        (body("ocr", {"type": "object", "properties": {"a": {"type": 7}}}, [PNG_URL]), 400, "bad_schema"),
        (body("ocr", {"type": "object", "properties": {"a": {"type": "string"}}}, [PNG_URL]), 400, "bad_schema"),
        (body("ocr", {**BALANCE, "x-pictures": 0}, [PNG_URL]), 400, "bad_schema"),
        (body("ocr", {**BALANCE, "x-memo-age-s": "old"}, [PNG_URL]), 400, "bad_schema"),
        (body("ocr", "no schema", [PNG_URL]), 400, "bad_request"),
        (body("gpt", BALANCE, [PNG_URL]), 404, "model_not_found"),
        ({"model": "ocr"}, 400, "bad_request"),
        ({**body("ocr", BALANCE, [PNG_URL]), "stream": True}, 400, "bad_request"),
        ({**body("ocr", BALANCE, [PNG_URL]), "response_format": {"type": "text"}}, 400, "bad_request"),
    ],
    ids=[
        *(
            "truncated",
            "no picture",
            "no base64",
            "http URL",
            "too wide",
            "no pictures",
            "odd count",
            "no properties",
        ),
        *("bad type", "no room for null", "no pictures asked", "bad age", "schema is text", "unknown model"),
        *("missing fields", "streaming", "no JSON asked"),
    ],
)
def test_bad_requests_are_refused_with_a_sentence(
    engine: ServedEngine, document: dict[str, Any], status: int, code: str
) -> None:
    """Each refusal has its status, its code and a sentence, and the engine goes on."""
    assert fault(engine.post(document)) == (status, code)


def test_an_unknown_model_is_neither_loaded_nor_unloaded(engine: ServedEngine) -> None:
    """Loading what is not there is a 404, a body without the name a 400."""
    assert fault(engine.http.post("/api/v1/models/load", json={"model": "gpt"})) == (404, "model_not_found")
    assert fault(engine.http.post("/api/v1/models/unload", json={"instance_id": "gpt"})) == (
        404,
        "model_not_found",
    )
    assert fault(engine.http.post("/api/v1/models/load", json={})) == (400, "bad_request")
    assert fault(engine.http.post("/api/v1/models/load", content=b"{")) == (400, "bad_request")


def test_a_huge_body_is_refused_while_it_comes_in(engine: ServedEngine) -> None:
    """The engine does not wait for the end of a body that is too large, nor keep it."""
    before_mb = engine.resident_mb()
    with socket.create_connection(("127.0.0.1", engine.port), timeout=30) as wire:
        length = 4 * 2**30
        wire.sendall(f"POST {CHAT} HTTP/1.1\r\nHost: x\r\nContent-Length: {length}\r\n\r\n".encode())
        answer = _send_until_answered(wire)
    assert b" 413 " in answer.split(b"\r\n", 1)[0]
    assert engine.resident_mb() - before_mb < 200
    assert engine.http.get("/health").status_code == 200


def _send_until_answered(wire: socket.socket) -> bytes:
    """Send zeros until there is an answer; the engine may close before all is sent."""
    block = b"0" * 2**20
    for _ in range(128):
        try:
            wire.sendall(block)
        except (BrokenPipeError, ConnectionResetError):
            break
    return wire.recv(65536)


def test_a_taken_port_is_named() -> None:
    """Two cannot listen on one port: the error is a sentence with the port."""
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        with pytest.raises(PortTakenError, match=str(port)):
            serve("127.0.0.1", port, 1)


def test_it_ends_with_its_parent() -> None:
    """The end of standard input ends the engine cleanly."""
    assert ServedEngine().close() == 0


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_it(number: int) -> None:
    """SIGTERM and SIGINT end the engine, and nothing listens any more."""
    running = ServedEngine()
    os.kill(running.process.pid, number)
    running.process.wait(20)
    with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", running.port)):
        pass
    running.close()


def test_the_engine_imports_nothing_of_the_daemon() -> None:
    """The engine could be a package of its own: of the house it loads the lowest rooms only."""
    code = (
        "import sys, foureyes.engine.server; "
        "print(sorted({name.split('.')[1] for name in sys.modules if name.startswith('foureyes.')}))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "['engine', 'exceptions', 'picture', 'schema', 'telemetry']"
