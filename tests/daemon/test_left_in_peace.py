"""A server that answers questions with errors, from outside: the next model answers, and it is left in peace."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import httpx
from parts.direct import DIRECT
from parts.fakes.steering import FakeServer
from parts.program import wait_until
from parts.serving import Serving, server, serving
from parts.watched import FakeEngine, drawn, metric

from foureyes.picture import encode_png

MODEL = "maker/one"
MODELS = {"one": {"server": "lmstudio", "model_id": MODEL}}
BREAKER = {"failures": 5, "open_s": 3, "probes": 2}


class Asked:
    """Pictures sent by an operator, each one new."""

    def __init__(self, running: Serving, studio: FakeServer) -> None:
        self._url, self._studio, self._number = running.daemon.url, studio, 0

    def ask(self, data: bytes = b"") -> httpx.Response:
        """Send these bytes, or a picture that was never sent before."""
        self._number += 1
        data = data or encode_png(drawn(f"asked {self._number}"))
        headers = {"Content-Type": "image/png"}
        return httpx.post(f"{self._url}/api/analyze", content=data, headers=headers, timeout=30, **DIRECT)

    def reading(self) -> dict[str, Any]:
        response = self.ask()
        assert response.status_code == 200, response.text
        return dict(response.json()[0])

    @property
    def at_studio(self) -> int:
        return len(self._studio.chats(MODEL))


def test_after_five_failures_the_server_is_left_in_peace_and_tried_again(tmp_path: Path) -> None:
    """Each question is answered by the engine as a fallback; after the fifth the server is not even asked.

    Once it works again, it is asked with care when its pause is over, and then as usual.
    """
    with (
        FakeServer.lmstudio(tmp_path / "studio", MODEL) as studio,
        FakeEngine(tmp_path / "engine", ["ocr"]) as engine,
        serving(
            tmp_path,
            [server("lmstudio", studio.url, check_s=300, breaker=BREAKER), server("engine", engine.url)],
            MODELS,
        ) as running,
    ):
        running.daemon.wait_ready()
        running.wait_reading("read", origin="held", model="one")
        asked = Asked(running, studio)
        studio.control(model=MODEL, fail="429")
        before = asked.at_studio
        readings = [asked.reading() for _ in range(12)]
        assert {(each["model"], each["fallback"]) for each in readings} == {("engine:ocr", True)}
        assert asked.at_studio - before == BREAKER["failures"]
        (opened,) = running.events("breaker.opened")
        assert "not asked for 3 s" in opened["message"]

        studio.control(model=MODEL, fail=None)
        wait_until(lambda: asked.reading()["model"] == "one", 60, "the server to be tried again")
        assert not running.events("breaker.closed")
        assert (asked.reading()["model"], asked.reading()["fallback"]) == ("one", False)
        running.wait_event("breaker.closed")


def test_where_every_model_fails_the_operator_is_told_why(tmp_path: Path) -> None:
    """The answer is a 502 with the last model's own words, a fault as well, which a bad picture is not."""
    with (
        FakeServer.lmstudio(tmp_path / "studio", MODEL) as studio,
        serving(tmp_path, [server("lmstudio", studio.url, check_s=300)], MODELS) as running,
    ):
        running.daemon.wait_ready()
        running.wait_reading("read", origin="held", model="one")
        asked = Asked(running, studio)
        studio.control(model=MODEL, fail="429", times=1)
        refused = asked.ask()
        assert refused.status_code == 502
        assert "Too many requests" in refused.json()["error"]["message"]
        assert asked.ask(b"no picture").status_code == 400
        assert metric(running.daemon.url, "foureyes_faults_total", component="web") == 1
        assert asked.reading()["model"] == "one"
