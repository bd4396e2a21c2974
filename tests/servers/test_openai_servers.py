"""Servers of OpenAI's routes: what Ollama, llama-swap and vLLM have besides, and the plain ones have not."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from parts.canned import CannedServer
from parts.fakes.steering import FakeServer
from parts.program import wait_until
from parts.server_kinds import SEEN, SMALL_PICTURE

from foureyes.config.settings import OpenAiServer
from foureyes.exceptions import (
    ModelCrashedError,
    ModelMissingError,
    ServerBusyError,
    ServerError,
    ServerRefusedError,
    StrangerError,
    UnknownRouteError,
)
from foureyes.servers.http.clients import Clients
from foureyes.servers.kinds.adapters import adapter_for
from foureyes.servers.server import ChatRequest, ModelServer

Connect = Callable[..., Awaitable[ModelServer]]


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """An adapter to a server, with settings of the test's own."""
    clients = Clients()

    async def connected(server: FakeServer | CannedServer, **settings: Any) -> ModelServer:
        given = OpenAiServer(kind="openai", id="s", url=server.url, **settings)
        return await adapter_for(given, server.url, clients)

    yield connected
    await clients.aclose()


def question(model_id: str) -> ChatRequest:
    return ChatRequest(model_id=model_id, prompt="?", schema=SEEN, pictures=(SMALL_PICTURE,), timeout_s=20)


async def test_ollama_is_told_to_keep_a_model(tmp_path: Path, connect: Connect) -> None:
    """By itself Ollama unloads after five idle minutes: a load is for ever, an unload for now."""
    with FakeServer.openai(tmp_path, "ollama", "llava:latest") as fake:
        server = await connect(fake)
        await server.load("llava:latest")
        await server.unload("llava:latest")
        kept = [(each["body"]["keep_alive"], each["body"]["messages"]) for each in fake.requests("/api/chat")]
        assert kept == [(-1, []), (0, [])]


async def test_without_a_tag_ollama_means_the_latest(tmp_path: Path, connect: Connect) -> None:
    """`llava` is `llava:latest`, for a load, a question and its answer; another tag is another model."""
    with FakeServer.openai(tmp_path, "ollama", "llava:latest", "moondream:v2") as fake:
        server = await connect(fake)
        await server.load("llava")
        assert fake.loaded() == ["llava:latest"]
        assert (await server.chat(question("llava"))).model_id == "llava"
        assert fake.chats()[-1]["body"]["model"] == "llava:latest"
        with pytest.raises(ModelMissingError, match=r"'moondream:v2'.*ollama pull moondream"):
            await server.load("moondream")


async def test_ollama_tells_of_a_model_without_eyes(tmp_path: Path, connect: Connect) -> None:
    """Its capabilities are looked at before the model is loaded."""
    with FakeServer.openai(tmp_path, "ollama", "--text-only", "words", "words") as fake:
        server = await connect(fake)
        with pytest.raises(ModelMissingError, match="takes no pictures"):
            await server.load("words")
        assert fake.loaded() == []


@pytest.mark.parametrize("model", ["a/vl", "qwen2.5-vl", "odd name?&#/x"])
async def test_llama_swap_unloads_by_a_name_in_the_path(tmp_path: Path, connect: Connect, model: str) -> None:
    """Whatever is in a name, it is that model which is unloaded, and no other."""
    with FakeServer.openai(tmp_path, "llama-swap", model, "other") as fake:
        server = await connect(fake)
        await server.load(model)
        await server.load("other")
        await server.unload(model)
        assert fake.loaded() == ["other"]


async def test_llama_swap_says_how_many_it_takes_at_once(tmp_path: Path, connect: Connect) -> None:
    """Over its limit it answers 429, and when to come back."""
    with FakeServer.openai(tmp_path, "llama-swap", "--concurrency", "1", "a") as fake:
        server = await connect(fake)
        await server.load("a")
        fake.control(model="a", delay_s=1.0, times=1)
        slow = asyncio.create_task(server.chat(question("a")))
        await asyncio.to_thread(wait_until, lambda: len(fake.chats("a")) == 2, 60, "the slow request")
        with pytest.raises(ServerBusyError) as told:
            await server.chat(question("a"))
        assert told.value.retry_after_s == 1
        assert (await slow).answer


async def test_llama_swap_restarts_its_own(tmp_path: Path, connect: Connect) -> None:
    """A child of it that dies is not ours: the proxy stays live, and a load is a request that starts the child."""
    with FakeServer.openai(tmp_path, "llama-swap", "a") as fake:
        server = await connect(fake)
        await server.load("a")
        fake.control(model="a", fail="crash", times=1)
        with pytest.raises(ServerBusyError):
            await server.chat(question("a"))
        await server.check_live()
        await server.load("a")
        assert (await server.chat(question("a"))).answer


@pytest.mark.parametrize("flavour", ["ollama", "llama-swap"])
async def test_a_load_that_fails_is_an_error(tmp_path: Path, connect: Connect, flavour: str) -> None:
    """A model that does not come up is told, and another try may do."""
    with FakeServer.openai(tmp_path, flavour, "a") as fake:
        fake.control(model="a", on="load", fail="500", times=1)
        server = await connect(fake)
        with pytest.raises((ModelCrashedError, ServerBusyError)) as told:
            await server.load("a")
        assert told.value.retryable
        await server.load("a")
        assert fake.loaded() == ["a"]


async def test_vllm_ends_with_its_engine(tmp_path: Path, connect: Connect) -> None:
    """A dead engine takes the process along: the request fails, then nobody listens."""
    with FakeServer.openai(tmp_path, "vllm", "a") as fake:
        server = await connect(fake)
        await server.load("a")
        fake.control(model="a", fail="crash", times=1)
        with pytest.raises(ServerError):
            await server.chat(question("a"))
        await asyncio.to_thread(wait_until, lambda: not fake.running, 60, "vLLM to end")
        with pytest.raises(ServerRefusedError):
            await server.check_live()


async def test_vllm_is_live_by_an_empty_body(tmp_path: Path, connect: Connect) -> None:
    """Its health has no words: 200 with words is another program's, 503 is its dead engine's."""
    with FakeServer.openai(tmp_path, "vllm", "a") as fake:
        server = await connect(fake)
        await server.check_live()
        fake.control(path="/health", fail="garbage", times=1)
        with pytest.raises(StrangerError, match="It works!"):
            await server.check_live()
        fake.control(model="a", loaded=False)
        with pytest.raises(ServerBusyError, match="503"):
            await server.check_live()


async def test_a_plain_server_has_no_way_to_load(tmp_path: Path, connect: Connect) -> None:
    """What it lists is taken to be served; whether a model is loaded nobody knows before it answers."""
    with FakeServer.openai(tmp_path, "plain", "a") as fake:
        server = await connect(fake)
        assert await server.load("a") == 0
        assert fake.chats() == []
        with pytest.raises(UnknownRouteError, match=r"OpenAI-compatible.*no way to unload"):
            await server.unload("a")
        assert (await server.listed())[0].loaded is None


async def test_a_base_url_with_a_path_is_kept(tmp_path: Path) -> None:
    """Routes are put behind the whole of the url, whose own /v1 is taken off."""
    with CannedServer(tmp_path, {"GET /proxy/v1/models": {"data": [{"id": "m"}]}}) as proxy:
        clients = Clients()
        settings = OpenAiServer(kind="openai", id="s", url=f"{proxy.url}/proxy/v1/")
        server = await adapter_for(settings, settings.url, clients)
        assert [each.id for each in await server.listed()] == ["m"]
        await clients.aclose()


async def test_what_has_no_listing_is_a_stranger(tmp_path: Path, connect: Connect) -> None:
    """A web server of another kind is told by what it calls itself."""
    page = "<html><head><title> Router login </title></head></html>"
    with CannedServer(tmp_path, {"GET /": page}, server="nginx/1.2") as web:
        server = await connect(web)
        with pytest.raises(StrangerError, match=r"calls itself 'nginx/1\.2.*Router login"):
            await server.check_ready()
