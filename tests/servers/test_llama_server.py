"""llama-server: one model under the name of its file, or several behind a router."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import pytest
from parts.fakes.steering import FakeServer
from parts.program import wait_until
from parts.server_kinds import REAL, REAL_IS_GIVEN, SEEN, SMALL_PICTURE

from foureyes.config.settings import LlamaServer
from foureyes.exceptions import (
    BadImageError,
    ModelCrashedError,
    ModelMissingError,
    ServerLoadingError,
    ServerRefusedError,
    ServerReplyError,
    ServerTimeoutError,
)
from foureyes.servers.http.clients import Clients
from foureyes.servers.kinds.adapters import adapter_for
from foureyes.servers.server import ChatRequest, ModelServer

Connect = Callable[..., Awaitable[ModelServer]]
PATH = "/models/vision/tiny-vl.Q4_K_M.gguf"


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """An adapter to a fake, with settings of the test's own."""
    clients = Clients()

    async def connected(fake: FakeServer, **settings: Any) -> ModelServer:
        given = LlamaServer(kind="llama-server", id="llama", url=fake.url, **settings)
        return await adapter_for(given, fake.url, clients)

    yield connected
    await clients.aclose()


def question(model_id: str) -> ChatRequest:
    return ChatRequest(model_id=model_id, prompt="?", schema=SEEN, pictures=(SMALL_PICTURE,), timeout_s=20)


def test_the_conformance_suite_runs_over_a_real_one() -> None:
    """Where a real llama-server is given, the suite over all kinds has it among them."""
    if not REAL_IS_GIVEN:
        pytest.skip(f"no real llama-server: {', '.join(REAL)} say which one")


@pytest.mark.parametrize("named", [PATH, "tiny-vl.Q4_K_M.gguf", "tiny-vl.Q4_K_M"])
async def test_a_model_goes_by_its_path_its_file_and_its_stem(
    tmp_path: Path, connect: Connect, named: str
) -> None:
    """It lists and answers with the path of its file; the configuration may name just the file."""
    with FakeServer.llama(tmp_path, "--model-path", PATH) as fake:
        server = await connect(fake)
        assert await server.load(named) == 0
        assert (await server.chat(question(named))).model_id == named
        assert fake.chats()[-1]["body"]["model"] == PATH
        assert not server.can_unload


async def test_a_path_of_windows_is_a_path(tmp_path: Path, connect: Connect) -> None:
    """A file's name ends a path of either kind of system."""
    with FakeServer.llama(tmp_path, "--model-path", r"C:\models\tiny-vl.gguf") as fake:
        await (await connect(fake)).load("tiny-vl")


async def test_an_alias_is_its_only_name(tmp_path: Path, connect: Connect) -> None:
    """With --alias the file's name is nowhere to be seen: the alias is what the server has."""
    with FakeServer.llama(tmp_path, "--model-path", PATH, "--alias", "reader") as fake:
        server = await connect(fake)
        await server.load("reader")
        with pytest.raises(ModelMissingError, match=r"it has 'reader'.*-m FILE"):
            await server.load("tiny-vl.Q4_K_M")


async def test_a_model_without_its_projector_is_told_before_it_is_asked(tmp_path: Path, connect: Connect) -> None:
    """Modalities are looked at first: some builds die of a picture; what to start it with is said."""
    with FakeServer.llama(tmp_path, "--no-vision") as fake:
        with pytest.raises(ModelMissingError, match=r"takes no pictures.*--mmproj"):
            await (await connect(fake)).load("fake-vl")
        assert fake.chats() == []


async def test_a_picture_that_is_refused_all_the_same_is_told(tmp_path: Path, connect: Connect) -> None:
    """Restarted without its projector behind our back, it refuses pictures: what is missing is said."""
    with FakeServer.llama(tmp_path) as fake:
        server = await connect(fake)
        await server.load("fake-vl")
        fake.control(settings={"vision": False})
        with pytest.raises(BadImageError, match="--mmproj"):
            await server.chat(question("fake-vl"))


@pytest.mark.parametrize("flags", [(), ("--no-vision",)])
async def test_an_older_listing_tells_of_eyes_elsewhere(
    tmp_path: Path, connect: Connect, flags: tuple[str, ...]
) -> None:
    """Without `architecture`, the list for clients of Ollama says whether the model takes pictures."""
    with FakeServer.llama(tmp_path, "--old", *flags) as fake:
        (entry,) = await (await connect(fake)).listed()
        assert entry.vision is (not flags)


async def test_one_that_loads_is_live_and_not_ready(tmp_path: Path, connect: Connect) -> None:
    """While it loads its model it lives; it is not asked, and not restarted, before it is ready."""
    with FakeServer.llama(tmp_path) as fake:
        server = await connect(fake)
        await server.check_ready()
        fake.control(model="/models/fake-vl.gguf", loaded=False)
        await server.check_live()
        with pytest.raises(ServerLoadingError) as told:
            await server.check_ready()
        assert told.value.retryable
        fake.control(model="/models/fake-vl.gguf", loaded=True)
        await server.check_ready()


async def test_one_that_still_loads_when_it_is_first_asked_is_waited_for(tmp_path: Path, connect: Connect) -> None:
    """The first check may come too early: that is said as loading, and a later one finds it ready."""
    with FakeServer.llama(tmp_path) as fake:
        fake.control(model="/models/fake-vl.gguf", loaded=False)
        server = await connect(fake)
        for check in (server.check_ready, server.check_live):
            with pytest.raises(ServerLoadingError):
                await check()
        fake.control(model="/models/fake-vl.gguf", loaded=True)
        await server.check_ready()


async def test_a_crash_ends_the_server(tmp_path: Path, connect: Connect) -> None:
    """It dies in the middle of a request: the request fails at once, and nobody listens afterwards."""
    with FakeServer.llama(tmp_path) as fake:
        server = await connect(fake)
        await server.load("fake-vl")
        fake.control(model="*", fail="crash")
        with pytest.raises(ServerReplyError, match="broke off"):
            await server.chat(question("fake-vl"))
        await asyncio.to_thread(wait_until, lambda: not fake.running, 60, "the server to end")
        with pytest.raises(ServerRefusedError):
            await server.check_live()
        with fake.again():
            await server.check_live()
            assert (await server.chat(question("fake-vl"))).answer


async def test_a_router_loads_and_unloads_and_is_watched_doing_it(tmp_path: Path, connect: Connect) -> None:
    """Its calls return at once: what counts is what it becomes."""
    with FakeServer.router(tmp_path, "--load-s", "0.5", "a", "b") as fake:
        server = await connect(fake)
        assert await server.load("a") >= 0.5
        assert fake.loaded() == ["a"]
        assert server.can_unload
        await server.unload("a")
        assert fake.loaded() == []


async def test_a_router_that_loads_a_model_already_is_not_told_again(tmp_path: Path, connect: Connect) -> None:
    """What somebody else has begun to load is waited for; a second call would be refused."""
    with FakeServer.router(tmp_path, "--load-s", "0.5", "a") as fake:
        first, second = await connect(fake), await connect(fake)
        await asyncio.gather(first.load("a"), second.load("a"))
        assert fake.loaded() == ["a"]


async def test_a_load_that_fails_is_told_with_its_exit_code(tmp_path: Path, connect: Connect) -> None:
    """The router's listing says that the model's process ended, and how; another try may do."""
    with FakeServer.router(tmp_path, "a") as fake:
        server = await connect(fake)
        fake.control(model="a", on="load", fail="load_failed", times=1)
        with pytest.raises(ModelCrashedError, match="exit code 1") as told:
            await server.load("a")
        assert told.value.retryable
        await server.load("a")
        assert fake.loaded() == ["a"]


async def test_a_load_without_an_end_has_one(tmp_path: Path, connect: Connect) -> None:
    """A model that is loading for ever is given up after the time that is set."""
    with FakeServer.router(tmp_path, "a") as fake:
        fake.control(model="a", on="load", delay_s=60, times=1)
        with pytest.raises(ServerTimeoutError, match="within 1 s"):
            await (await connect(fake, load_timeout_s=1)).load("a")


async def test_a_child_that_crashes_leaves_the_router_alive(tmp_path: Path, connect: Connect) -> None:
    """The model is gone, the router is not: a load brings the model back."""
    with FakeServer.router(tmp_path, "a") as fake:
        server = await connect(fake)
        await server.load("a")
        fake.control(model="a", fail="crash", times=1)
        with pytest.raises(ModelCrashedError, match="134"):
            await server.chat(question("a"))
        await server.check_live()
        await server.load("a")
        assert (await server.chat(question("a"))).answer


async def test_a_router_tells_which_of_its_models_see(tmp_path: Path, connect: Connect) -> None:
    """A model without a projector is named, and so are those that have one."""
    with FakeServer.router(tmp_path, "--text-only", "words", "words", "seer") as fake:
        server = await connect(fake)
        with pytest.raises(ModelMissingError, match=r"'words'.*takes no pictures.*'seer'"):
            await server.load("words")
