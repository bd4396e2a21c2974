"""`auto`: what answers at an address is told by what it says; what is none of ours is described."""

from __future__ import annotations

import contextlib
import socket
import sys
from collections.abc import AsyncIterator, Awaitable, Callable, Iterator
from pathlib import Path

import pytest
from parts.canned import CannedServer
from parts.fakes.steering import FakeServer
from parts.program import Program, free_port, wait_until

from foureyes.config.settings import AutoServer
from foureyes.exceptions import (
    ServerBusyError,
    ServerLoadingError,
    ServerRefusedError,
    ServerTimeoutError,
    StrangerError,
    UnauthorisedError,
)
from foureyes.servers.http.clients import Clients
from foureyes.servers.http.server_http import ServerHttp
from foureyes.servers.kinds.adapters import adapter_for
from foureyes.servers.kinds.detect import kind_at
from foureyes.servers.server import ModelServer

Find = Callable[[str], Awaitable[ModelServer]]
LISTING = {"data": [{"id": "m"}]}


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    made = Clients()
    yield made
    await made.aclose()


@pytest.fixture
def find(clients: Clients) -> Find:
    """The adapter that `auto` finds at a URL."""
    return lambda url: adapter_for(AutoServer(kind="auto", id="s", url=url), url, clients)


async def kind(clients: Clients, url: str) -> str:
    return await kind_at(ServerHttp("s", url, clients))


async def test_lm_studio_is_known_without_its_greeting(tmp_path: Path, clients: Clients) -> None:
    """Nobody promised that the greeting stays: its way of not knowing a route gives LM Studio away."""
    with FakeServer.lmstudio(tmp_path, "m") as fake:
        fake.control(path="/lmstudio-greeting", fail="unexpected")
        assert await kind(clients, fake.url) == "lmstudio"


async def test_lm_studio_that_wants_a_token_is_known(tmp_path: Path, clients: Clients, find: Find) -> None:
    """Its greeting is open to all: it is found, and then says that it wants a token, by its usual variable."""
    with FakeServer.lmstudio(tmp_path, "--token", "secret-4711", "m") as fake:
        assert await kind(clients, fake.url) == "lmstudio"
        server = await find(fake.url)
        with pytest.raises(UnauthorisedError, match="LM_API_TOKEN"):
            await server.check_ready()


@pytest.mark.parametrize("flavour", ["plain", "llama-swap", "vllm"])
async def test_what_wants_a_token_is_not_guessed_at(tmp_path: Path, find: Find, flavour: str) -> None:
    """Without the token nothing can be told of it but that it wants one."""
    fake = FakeServer.openai(tmp_path, flavour, "--token", "secret-4711", "m")
    with fake, pytest.raises(UnauthorisedError, match="token_env"):
        await find(fake.url)


async def test_a_llama_server_that_loads_is_known(tmp_path: Path, clients: Clients, find: Find) -> None:
    """While it loads its model it says so in its own way: it is found, and not ready."""
    with FakeServer.llama(tmp_path) as fake:
        fake.control(model="/models/fake-vl.gguf", loaded=False)
        assert await kind(clients, fake.url) == "llama-server"
        server = await find(fake.url)
        with pytest.raises(ServerLoadingError):
            await server.check_ready()


async def test_what_says_ok_alone_is_nobody(tmp_path: Path, find: Find) -> None:
    """A health that says ok, and statuses of 200, make no model server."""
    replies = {"GET /health": {"status": "ok"}, "GET /": "hello there", "GET /v1/models": {"models": []}}
    with CannedServer(tmp_path, replies) as other, pytest.raises(StrangerError, match="'hello there'"):
        await find(other.url)


async def test_every_route_with_status_200_is_nobody(tmp_path: Path, find: Find) -> None:
    """A web application that answers each path with its page is told by the title of that page."""
    page = "<!doctype html><title>Grafana</title>"
    routes = ("/", "/health", "/props", "/running", "/version", "/metrics", "/lmstudio-greeting", "/v1/models")
    web = CannedServer(tmp_path, {f"GET {route}": page for route in routes}, server="caddy")
    with web, pytest.raises(StrangerError, match=r"no model server.*'caddy.*'Grafana'.*correct the url"):
        await find(web.url)


async def test_the_listing_alone_makes_a_plain_server(tmp_path: Path, clients: Clients, find: Find) -> None:
    """Whatever it is, it lists models in OpenAI's way: that is enough to talk to it."""
    with CannedServer(tmp_path, {"GET /v1/models": LISTING}) as plain:
        assert await kind(clients, plain.url) == "openai"
        assert [each.id for each in await (await find(plain.url)).listed()] == ["m"]


async def test_a_busy_listing_is_busy(tmp_path: Path, find: Find) -> None:
    """A server that is too busy to list its models may be one all the same: ask again later."""
    with FakeServer.openai(tmp_path, "plain", "m") as fake:
        fake.control(path="/v1/models", fail="503")
        with pytest.raises(ServerBusyError) as told:
            await find(fake.url)
        assert told.value.retryable


async def test_silence_is_a_timeout(tmp_path: Path, find: Find) -> None:
    """What takes the connection and says nothing is neither nobody nor a stranger."""
    with FakeServer.openai(tmp_path, "plain", "m") as fake:
        fake.control(path="*", fail="hang")
        with pytest.raises(ServerTimeoutError):
            await find(fake.url)


async def test_nobody_is_told(find: Find) -> None:
    """Where nobody listens there is nothing to find."""
    with pytest.raises(ServerRefusedError, match="nobody listens"):
        await find(f"http://127.0.0.1:{free_port()}")


SAYS = """
import contextlib, socket, sys
with socket.create_server(("127.0.0.1", int(sys.argv[1]))) as server:
    while True:
        connection, _ = server.accept()
        with connection, contextlib.suppress(OSError):
            connection.sendall(sys.argv[2].encode())
            connection.recv(1000)
"""


@contextlib.contextmanager
def saying(words: str, folder: Path) -> Iterator[str]:
    """A program that says its words to whoever connects; its URL."""
    port = free_port()
    program = Program([sys.executable, "-c", SAYS, str(port), words], folder / "log")
    try:
        wait_until(lambda: _connects(port), 60, "the program to listen")
        yield f"http://127.0.0.1:{port}"
    finally:
        program.end()


def _connects(port: int) -> bool:
    with contextlib.suppress(ConnectionRefusedError), socket.create_connection(("127.0.0.1", port)):
        return True
    return False


@pytest.mark.parametrize("words", ["SSH-2.0-OpenSSH_9.2\r\n", "", "220 mail ESMTP\r\n"])
async def test_what_speaks_no_http_is_a_stranger(tmp_path: Path, find: Find, words: str) -> None:
    """Another protocol at the address is told as such."""
    with saying(words, tmp_path) as url, pytest.raises(StrangerError, match=r"no model server.*broke off"):
        await find(url)
