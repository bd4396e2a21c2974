"""The web over a real socket: routes, headers, event streams and their bounds."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from foureyes.exceptions import PortTakenError
from foureyes.outputs.live import LiveEvents
from foureyes.web.app import create_app
from foureyes.web.events import Pace
from foureyes.web.server import WebServer, bind


def ignore(_where: str, _reason: str) -> None:
    """Nobody counts here."""


@dataclass
class View:
    """A daemon that stands still: its figures are set by the test."""

    status_word: str = "ok"
    live: LiveEvents = field(default_factory=lambda: LiveEvents(ignore))

    def health(self) -> dict[str, Any]:
        return {"status": self.status_word}

    def ready(self) -> tuple[bool, dict[str, Any]]:
        return self.status_word == "ok", {"ready": self.status_word == "ok"}

    def status(self) -> dict[str, Any]:
        return {"figures": {}}

    def readings(self) -> list[dict[str, Any]]:
        return [{"task": "vision_ocr"}]

    def metrics(self) -> tuple[bytes, str]:
        return b"dropped_total 0.0\n", "text/plain; version=1.0.0"


@dataclass
class Served:
    view: View
    url: str
    client: httpx.AsyncClient


@pytest.fixture
async def served() -> AsyncIterator[Served]:
    view = View()
    listener = bind("127.0.0.1", None, 18_484)
    server = WebServer(create_app(view, Pace(heartbeat_s=0.05, close_after_s=0.4)), listener)
    await server.start()
    url = f"http://127.0.0.1:{listener.getsockname()[1]}"
    async with httpx.AsyncClient(base_url=url, trust_env=False, timeout=10) as client:
        yield Served(view, url, client)
    await server.stop()
    listener.close()


async def test_health_and_ready_tell_by_their_status_code(served: Served) -> None:
    """A failing daemon answers 503 on both, a well one 200."""
    answers = [(await served.client.get(route)).status_code for route in ("/health", "/ready")]
    served.view.status_word = "failing"
    answers += [(await served.client.get(route)).status_code for route in ("/health", "/ready")]
    assert answers == [200, 200, 503, 503]


async def test_metrics_readings_and_unknown_routes(served: Served) -> None:
    """Metrics keep their content type, readings are JSON, and an unknown route is a JSON 404."""
    assert (await served.client.get("/metrics")).headers["content-type"].startswith("text/plain; version=1.0.0")
    assert (await served.client.get("/api/readings")).json() == [{"task": "vision_ocr"}]
    unknown = await served.client.get("/nope")
    assert unknown.status_code == 404
    assert unknown.json()["error"]["message"]
    assert (await served.client.get("/static/../app.py")).status_code == 404


async def test_the_page_fetches_nothing_from_elsewhere(served: Served) -> None:
    """The page and its parts come from the daemon, under a policy that allows nothing else."""
    page = await served.client.get("/")
    assert page.status_code == 200
    assert "default-src 'none'" in page.headers["content-security-policy"]
    assert "http" not in page.text.replace("http-equiv", "")
    for part in ("page.css", "page.js"):
        assert (await served.client.get(f"/static/{part}")).status_code == 200


async def test_a_foreign_host_name_is_refused(served: Served) -> None:
    """A request under a name that is not loopback's is refused: it may be DNS rebinding."""
    refused = await served.client.get("/api/readings", headers={"Host": "evil.example"})
    assert refused.status_code == 403


async def events_of(served: Served) -> tuple[httpx.Headers, list[str]]:
    async with served.client.stream("GET", "/events") as response:
        lines = [line async for line in response.aiter_lines()]
    return response.headers, [line.removeprefix("event: ") for line in lines if line.startswith("event:")]


async def test_an_event_stream_beats_and_ends(served: Served) -> None:
    """A stream begins with a heartbeat, beats on, and is closed after its time; nothing may buffer it."""
    headers, kinds = await events_of(served)
    assert kinds[0] == "heartbeat"
    assert kinds.count("heartbeat") > 2
    assert kinds[-1] == "closing"
    assert headers["cache-control"] == "no-store, no-transform"
    assert headers["x-accel-buffering"] == "no"
    assert served.view.live.subscribers == 0


async def test_listeners_beyond_the_bound_are_refused(served: Served) -> None:
    """Of 150 listeners at once a hundred are served and the others told to come again."""

    async def status() -> int:
        async with served.client.stream("GET", "/events") as response:
            await response.aread()
            return response.status_code

    limits = httpx.Limits(max_connections=200)
    async with httpx.AsyncClient(base_url=served.url, trust_env=False, timeout=30, limits=limits) as client:
        served.client = client
        codes = await asyncio.gather(*(status() for _ in range(150)))
    assert set(codes) == {200, 503}
    assert codes.count(200) <= 110


async def test_a_listener_that_leaves_is_forgotten(served: Served) -> None:
    """A client that breaks off leaves no subscription behind."""
    async with served.client.stream("GET", "/events") as response:
        async for _ in response.aiter_lines():
            break
    async with asyncio.timeout(10):
        while served.view.live.subscribers:  # noqa: ASYNC110 - there is no event for a listener that left
            await asyncio.sleep(0.01)


def test_a_taken_port_names_its_holder() -> None:
    """An explicit port that is taken is an error that names who holds it; the default moves on."""
    with bind("127.0.0.1", None, 18_600) as holder:
        taken = holder.getsockname()[1]
        with pytest.raises(PortTakenError, match="process"):
            bind("127.0.0.1", taken, 18_600)
        with bind("127.0.0.1", None, taken) as beside:
            assert beside.getsockname()[1] != taken
