"""The web over a real socket: routes, headers, event streams and their bounds."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest

from foureyes.exceptions import PortTakenError, UsageError
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

    async def status(self) -> dict[str, Any]:
        return {"figures": {}}

    def readings(self) -> list[dict[str, Any]]:
        return [{"task": "vision_ocr"}]

    async def metrics(self) -> tuple[bytes, str]:
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


async def test_head_says_what_get_would(served: Served) -> None:
    """A watchdog that asks by HEAD has the status and the headers, and no body."""
    for word, status in (("ok", 200), ("failing", 503)):
        served.view.status_word = word
        asked = await served.client.head("/health")
        got = await served.client.get("/health")
        assert (asked.status_code, asked.content) == (status, b"")
        assert asked.headers["content-length"] == got.headers["content-length"]
    assert (await served.client.head("/events")).status_code == 405


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


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("Host", "evil.example"),
        ("Host", "[::1"),
        ("Host", "127.0.0.1@evil"),
        ("Host", "localhost."),
        ("Host", ""),
        ("Origin", "http://evil.example"),
        ("Origin", "null"),
    ],
)
async def test_what_is_not_plainly_loopback_is_refused(served: Served, name: str, value: str) -> None:
    """A malformed or nearly right Host, and a page of another origin, get a 403 with the strict headers."""
    refused = await served.client.get("/api/readings", headers={name: value})
    assert refused.status_code == 403
    assert refused.headers["x-content-type-options"] == "nosniff"


async def test_every_loopback_name_is_served(served: Served) -> None:
    """All three names of loopback work, with a port or without, and so does the daemon's own page."""
    for host in ("127.0.0.1", "localhost:8484", "[::1]:8484", "LOCALHOST"):
        headers = {"Host": host, "Origin": served.url}
        assert (await served.client.get("/health", headers=headers)).status_code == 200


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
    async with asyncio.timeout(60):
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


def test_an_address_that_cannot_be_used_blames_nobody() -> None:
    """An address that this machine does not have is told as that, not as a port that somebody holds."""
    with pytest.raises(UsageError, match="cannot listen"):
        bind("203.0.113.5", None, 18_700)


async def subscribed(view: View, wanted: int) -> None:
    async with asyncio.timeout(60):
        while view.live.subscribers != wanted:  # noqa: ASYNC110 - the broadcast has no event for its size
            await asyncio.sleep(0.01)


async def listening(port: int) -> tuple[asyncio.StreamReader, asyncio.StreamWriter]:
    """A client of /events with a small buffer, that has read nothing yet."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=client, limit=1024)
    writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
    return reader, writer


async def fill(view: View) -> None:
    """Publish more than the buffers between a server and a client hold."""
    for number in range(400):
        view.live.publish("reading", {"number": number, "text": "x" * 20_000})
        await asyncio.sleep(0)


async def test_a_client_that_does_not_read_is_cut_off() -> None:
    """Its place among the listeners is free again after the stream's time and the grace."""
    view, listener = View(), bind("127.0.0.1", None, 18_800)
    server = WebServer(create_app(view, Pace(heartbeat_s=0.05, close_after_s=0.3, stalled_s=0.2)), listener)
    await server.start()
    _, writer = await listening(listener.getsockname()[1])
    await subscribed(view, 1)
    await fill(view)
    await subscribed(view, 0)
    writer.transport.abort()
    await server.stop()


async def test_stopping_lets_the_listeners_go_without_a_word(caplog: pytest.LogCaptureFixture) -> None:
    """With one listener that reads and one that does not, the server ends within its bound and logs no error."""
    view, listener = View(), bind("127.0.0.1", None, 18_900)
    server = WebServer(create_app(view), listener)
    await server.start()
    port = listener.getsockname()[1]
    (reading, one), (_, two) = await listening(port), await listening(port)
    everything = asyncio.create_task(reading.read())
    await subscribed(view, 2)
    await fill(view)
    async with asyncio.timeout(60):
        await server.stop()
        await everything
    assert view.live.subscribers == 0
    assert not [record for record in caplog.records if record.levelname in {"ERROR", "CRITICAL"}]
    for writer in (one, two):
        writer.transport.abort()


async def test_five_hundred_streams_leave_the_daemon_answering(served: Served) -> None:
    """A flood of listeners that break off at once holds at most its bound, and all places come back."""
    port = httpx.URL(served.url).port
    assert port is not None
    clients = [await listening(port) for _ in range(500)]
    assert (await served.client.get("/health")).status_code == 200
    assert served.view.live.subscribers <= 100
    for _, writer in clients:
        writer.transport.abort()
    await subscribed(served.view, 0)
    _, kinds = await events_of(served)
    assert kinds[0] == "heartbeat"
