"""Clients that take their time, and crowds of them: bounded, and the clock of the frames goes on unmoved."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import AsyncIterator, Iterator
from contextlib import ExitStack, asynccontextmanager, closing, suppress
from dataclasses import dataclass, field
from typing import Any

import httpx
import pytest
from parts.watched import Watched, task, watching

from foureyes.outputs.live import LiveEvents
from foureyes.web.app import create_app
from foureyes.web.server import WebServer, bind

PATIENCE_S = 0.4
WHOLE_BYTES = 10_000_000
CROWD, ROUNDS = 500, 6
Streams = tuple[asyncio.StreamReader, asyncio.StreamWriter]


@dataclass
class View:
    """A daemon that stands still."""

    live: LiveEvents = field(default_factory=lambda: LiveEvents(lambda _where, _reason: None))

    def health(self) -> dict[str, Any]:
        return {"status": "ok"}

    def ready(self) -> tuple[bool, dict[str, Any]]:
        return True, {"ready": True}

    async def status(self) -> dict[str, Any]:
        return {}

    def readings(self) -> list[dict[str, Any]]:
        return [{"text": "x" * WHOLE_BYTES}]

    async def metrics(self) -> tuple[bytes, str]:
        return b"", "text/plain"


@asynccontextmanager
async def connected(port: int, buffer_bytes: int = 4096) -> AsyncIterator[Streams]:
    """A client with a small buffer of its own, that has sent nothing yet."""
    client = socket.socket()
    client.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)
    client.setblocking(False)
    await asyncio.get_running_loop().sock_connect(client, ("127.0.0.1", port))
    reader, writer = await asyncio.open_connection(sock=client, limit=1024)
    try:
        yield reader, writer
    finally:
        writer.transport.abort()


@pytest.fixture
async def port() -> AsyncIterator[int]:
    """A server that loses patience soon."""
    listener = bind("127.0.0.1", None, 19_100)
    server = WebServer(create_app(View()), listener, patience_s=PATIENCE_S)
    await server.start()
    yield listener.getsockname()[1]
    await server.stop()
    listener.close()


HEAD = b"GET /ready HTTP/1.1\r\nHost: localhost\r\n"
BODY = (
    b"POST /api/session HTTP/1.1\r\nHost: localhost\r\n"
    b"Content-Type: application/json\r\nContent-Length: 900\r\n\r\n"
)


async def until_cut(streams: Streams, begin: bytes, byte: bytes) -> None:
    """Send the beginning and then a byte now and then, until the server has had enough."""
    reader, writer = streams
    writer.write(begin)
    async with asyncio.timeout(60):
        while not reader.at_eof():
            writer.write(byte)
            with suppress(TimeoutError, ConnectionError):
                await asyncio.wait_for(reader.read(1), 0.05)
            if writer.transport.is_closing():
                return


@pytest.mark.parametrize(
    ("begin", "byte"), [(b"", b"G"), (HEAD, b"X"), (BODY, b" ")], ids=["line", "head", "body"]
)
async def test_who_sends_a_byte_now_and_then_is_cut_off(port: int, begin: bytes, byte: bytes) -> None:
    """Neither a request line, nor headers, nor a body may be sent for ever."""
    async with connected(port) as streams:
        await until_cut(streams, begin, byte)


async def test_who_reads_a_byte_now_and_then_is_cut_off(port: int) -> None:
    """An answer of megabytes that is read so slowly is not kept for its reader."""
    async with connected(port) as (reader, writer):
        writer.write(b"GET /api/readings HTTP/1.1\r\nHost: localhost\r\n\r\n")
        async with asyncio.timeout(60):
            got = await read_slowly(reader)
        assert 0 < got < WHOLE_BYTES / 2, "what was left was not sent any more"


async def read_slowly(reader: asyncio.StreamReader) -> int:
    """Read a byte now and then for long enough, then all that is left; how many there were."""
    got = 0
    with suppress(ConnectionError):
        for _ in range(int(5 * PATIENCE_S / 0.01)):
            got += len(await reader.read(1))
            await asyncio.sleep(0.01)
        while data := await reader.read(100_000):
            got += len(data)
    return got


async def test_who_only_listens_is_not_cut_off(port: int) -> None:
    """A stream on which nothing happens waits for us, not for its client."""
    async with connected(port) as (reader, writer):
        writer.write(b"GET /events HTTP/1.1\r\nHost: localhost\r\n\r\n")
        await asyncio.wait_for(reader.readuntil(b"heartbeat"), 10)
        with pytest.raises(TimeoutError):
            await asyncio.wait_for(reader.readuntil(b"no such event"), 6 * PATIENCE_S)
        assert not reader.at_eof()


@pytest.fixture(scope="module")
def watched(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Watched]:
    with watching(tmp_path_factory.mktemp("slow"), {"calm": task()}) as running:
        yield running


def opened(port: int, route: str) -> socket.socket:
    """A client that has asked and reads nothing."""
    client = socket.create_connection(("127.0.0.1", port), timeout=10)
    client.sendall(f"GET {route} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
    return client


def test_five_hundred_streams_and_slow_readers_do_not_move_the_clock(watched: Watched) -> None:
    """A hundred streams are served, the others told to come again, and not one tick is missed for them.

    A machine that is busy with other things misses some too: in one round of a few it does not.
    """
    missed: list[float] = []
    while 0 not in missed and len(missed) < ROUNDS:
        missed.append(crowded(watched))
    assert missed[-1] == 0, missed


def crowded(watched: Watched) -> float:
    """How many ticks are missed while a crowd comes, stays for a while, and goes."""
    port = httpx.URL(watched.daemon.url).port
    assert port is not None
    missed, frames = watched.metric("foureyes_missed_ticks_total"), watched.daemon.frames()
    with ExitStack() as undo:
        clients = [undo.enter_context(closing(opened(port, "/events"))) for _ in range(CROWD)]
        for _ in range(20):
            undo.enter_context(closing(opened(port, "/api/frame")))
        answers = [client.recv(12) for client in clients]
        assert answers.count(b"HTTP/1.1 200") == watched.daemon.get("/health")["connections"] <= 100
        assert answers.count(b"HTTP/1.1 503") == CROWD - answers.count(b"HTTP/1.1 200")
        read = len(watched.daemon.readings())
        watched.daemon.wait(lambda: watched.daemon.frames() >= frames + 5, "the looks go on")
        watched.daemon.wait(lambda: len(watched.daemon.readings()) > read + 3, "the readings go on")
    watched.daemon.wait(lambda: watched.daemon.get("/health")["connections"] == 0, "every place is free again")
    return watched.metric("foureyes_missed_ticks_total") - missed
