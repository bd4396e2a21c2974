"""Connections: one client a base URL, leased, closed when idle and never while in use."""

from __future__ import annotations

import asyncio
import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Iterator
from pathlib import Path

import pytest
from parts.fakes.steering import FakeServer
from parts.hand_clock import HandClock
from parts.program import Program, free_port, wait_until

from foureyes.exceptions import ServerRefusedError, UnauthorisedError
from foureyes.redaction import redact_text
from foureyes.servers.http.bearer_token import BearerToken
from foureyes.servers.http.clients import Clients
from foureyes.servers.http.server_http import ServerHttp

IDLE_S = 600.0


@pytest.fixture(scope="module")
def fake(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    with FakeServer.openai(tmp_path_factory.mktemp("plain"), "plain", "m") as running:
        yield running


@pytest.fixture
def clock() -> HandClock:
    return HandClock()


@pytest.fixture
async def clients(clock: HandClock) -> AsyncIterator[Clients]:
    async with contextlib.AsyncExitStack() as undo:
        made = Clients(idle_s=IDLE_S, now=clock)
        undo.push_async_callback(made.aclose)
        yield made


@contextlib.asynccontextmanager
async def a_request_under_way(fake: FakeServer, http: ServerHttp) -> AsyncIterator[asyncio.Task[object]]:
    """A request whose answer takes until the block is over."""
    before = len(fake.requests("/v1/models"))
    fake.control(path="/v1/models", delay_s=1.0, times=1)
    asking: asyncio.Task[object] = asyncio.create_task(http.call("GET", "/v1/models", timeout_s=20))
    await asyncio.to_thread(wait_until, lambda: len(fake.requests("/v1/models")) > before, 60, "the request")
    yield asking
    await asking


async def test_all_requests_to_one_url_share_a_client(fake: FakeServer, clients: Clients) -> None:
    """Servers of one URL share its connections; another URL has its own."""
    for name in ("a", "b"):
        await ServerHttp(name, fake.url, clients).call("GET", "/v1/models")
    assert clients.stats().open == 1
    async with clients.lease(fake.url) as one, clients.lease(fake.url) as other:
        assert one is other
        assert clients.stats().leases == 2
    async with clients.lease("http://127.0.0.1:9"):
        assert clients.stats().open == 2


async def test_a_client_is_closed_after_its_idle_time(
    fake: FakeServer, clients: Clients, clock: HandClock
) -> None:
    """Until then it is kept; afterwards the next request opens a new one."""
    http = ServerHttp("s", fake.url, clients)
    await http.call("GET", "/v1/models")
    clock.move(IDLE_S - 1)
    assert await clients.close_idle() == 0
    await http.call("GET", "/v1/models")
    clock.move(IDLE_S - 1)
    assert await clients.close_idle() == 0  # its last use counts
    clock.move(1)
    assert await clients.close_idle() == 1
    assert clients.stats().open == 0
    await http.call("GET", "/v1/models")


@pytest.mark.parametrize("end", ["close_idle", "drop", "aclose"])
async def test_r11_a_client_in_use_is_never_closed(
    fake: FakeServer, clients: Clients, clock: HandClock, end: str
) -> None:
    """R11: however long a request takes and whatever ends its client, it gets its answer; then the client goes."""
    http = ServerHttp("s", fake.url, clients)
    async with a_request_under_way(fake, http) as asking:
        clock.move(10 * IDLE_S)
        if end == "close_idle":
            assert await clients.close_idle() == 0
        elif end == "drop":
            await clients.drop(fake.url)
        else:
            await clients.aclose()
        assert not asking.done()
    assert asking.result()
    clock.move(IDLE_S)
    await clients.close_idle()
    assert clients.stats().open == 0


async def test_a_dropped_client_is_not_leased_again(fake: FakeServer, clients: Clients) -> None:
    """What follows a drop gets a new client, even while the old one is still in use."""
    async with clients.lease(fake.url) as old:
        await clients.drop(fake.url)
        async with clients.lease(fake.url) as new:
            assert new is not old
        assert not old.is_closed
    assert old.is_closed
    assert not new.is_closed


async def test_after_the_end_nothing_is_kept_open(fake: FakeServer, clients: Clients) -> None:
    """A request that comes late still gets its answer, and leaves no client behind."""
    await clients.aclose()
    await ServerHttp("s", fake.url, clients).call("GET", "/v1/models")
    assert clients.stats().open == 0


@contextlib.contextmanager
def listening_at(host: str, folder: Path) -> Iterator[int]:
    """A plain web server on one address alone, with a listing of models in a file."""
    (folder / "v1").mkdir()
    (folder / "v1" / "models").write_text('{"data": [{"id": "m"}]}')
    port = free_port()
    where = ["--bind", host, "--directory", str(folder), str(port)]
    program = Program([sys.executable, "-m", "http.server", *where], folder / "log")
    try:
        wait_until(lambda: answers(host, port), 60, f"the web server at {host}")
        yield port
    finally:
        program.end()


def answers(host: str, port: int) -> bool:
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection((host, port)):
        return True
    return False


@pytest.mark.parametrize("host", ["127.0.0.1", "::1"])
async def test_localhost_is_both_loopback_addresses(tmp_path: Path, clients: Clients, host: str) -> None:
    """C9: a server on either of them is found as localhost, whichever of them the name means on this machine."""
    with listening_at(host, tmp_path) as port:
        http = ServerHttp("s", f"http://localhost:{port}", clients)
        for _ in range(2):
            assert (await http.call("GET", "/v1/models"))["data"]
    await http.aclose()
    assert clients.stats().open == 0
    with pytest.raises(ServerRefusedError, match="localhost"):
        await http.call("GET", "/v1/models")


async def test_proxies_of_the_environment_are_not_used(
    fake: FakeServer, clients: Clients, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A proxy that the machine has for the web is no way to a server of this machine."""
    for name in ("http_proxy", "HTTP_PROXY", "ALL_PROXY"):
        monkeypatch.setenv(name, "http://127.0.0.1:9")
    assert await ServerHttp("s", fake.url, clients).call("GET", "/v1/models")


async def test_a_token_is_sent_and_never_written(fake: FakeServer, clients: Clients) -> None:
    """It goes with each request, is in no text of ours, and whatever else names it is redacted."""
    token = BearerToken.from_environment("TOKEN_HERE", {"TOKEN_HERE": " open-sesame-4711 \n"})
    await ServerHttp("s", fake.url, clients, token).call("GET", "/v1/models")
    assert fake.requests("/v1/models")[-1]["authorization"]
    assert "open-sesame" not in repr(token)
    assert redact_text("the server said: open-sesame-4711 is no good") == "the server said: [REDACTED] is no good"


def test_what_is_no_token_is_told_by_its_variable() -> None:
    """What no HTTP header can hold is refused with the variable's name; an unset variable is no token."""
    with pytest.raises(UnauthorisedError, match="TOKEN_HERE"):
        BearerToken.from_environment("TOKEN_HERE", {"TOKEN_HERE": "öffne dich"})
    assert BearerToken.from_environment("TOKEN_HERE", {}).headers == {}
    assert BearerToken.from_environment(None).headers == {}
