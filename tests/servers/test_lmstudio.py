"""LM Studio: its levels are found by what they say, models are loaded once and seen to be, and R1 to R4."""

from __future__ import annotations

from collections.abc import AsyncIterator, Awaitable, Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from parts.canned import CannedServer
from parts.direct import DIRECT
from parts.fakes.steering import FakeServer
from parts.server_kinds import SEEN, SMALL_PICTURE

from foureyes.config.settings import LmStudioServer
from foureyes.exceptions import (
    ModelCrashedError,
    ModelMissingError,
    ServerError,
    ServerTimeoutError,
    StrangerError,
    UnknownRouteError,
    WrongModelError,
)
from foureyes.servers.http.clients import Clients
from foureyes.servers.kinds.adapters import adapter_for
from foureyes.servers.server import ChatRequest, ModelServer

Connect = Callable[..., Awaitable[ModelServer]]
LOAD, UNLOAD = "/api/v1/models/load", "/api/v1/models/unload"
MODEL = "qwen/qwen2.5-vl-7b"


@pytest.fixture
async def connect() -> AsyncIterator[Connect]:
    """An adapter to a fake, with settings of the test's own."""
    clients = Clients()

    async def connected(fake: FakeServer | CannedServer, **settings: Any) -> ModelServer:
        given = LmStudioServer(kind="lmstudio", id="studio", url=fake.url, **settings)
        return await adapter_for(given, fake.url, clients)

    yield connected
    await clients.aclose()


def question(model_id: str = MODEL) -> ChatRequest:
    return ChatRequest(model_id=model_id, prompt="?", schema=SEEN, pictures=(SMALL_PICTURE,), timeout_s=20)


def loads(fake: FakeServer) -> list[Any]:
    return [each["body"] for each in fake.requests(LOAD)]


def by_another_program(fake: FakeServer, route: str, **body: str) -> None:
    httpx.post(f"{fake.url}{route}", json=body, **DIRECT).raise_for_status()


async def test_r1_unknown_routes_with_status_200_are_no_health(tmp_path: Path, connect: Connect) -> None:
    """R1: a server that answers every route with 200 and "Unexpected endpoint" is neither live nor ready."""
    with FakeServer.lmstudio(tmp_path, MODEL) as fake:
        server = await connect(fake)
        fake.control(path="*", fail="unexpected")
        for check in (server.check_live, server.check_ready):
            with pytest.raises(StrangerError, match="no LM Studio"):
                await check()
        fake.control(path="*", fail=None)
        await server.check_live()
        fake.control(path="*", fail="unexpected")
        for check in (server.check_live, server.check_ready):
            with pytest.raises(UnknownRouteError):
                await check()
        assert not [each for each in fake.requests() if each["path"] == "/health"]


async def test_r2_a_load_route_that_is_not_there_loads_nothing(tmp_path: Path, connect: Connect) -> None:
    """R2: 200 with "Unexpected endpoint" is no loaded model; the route is told to be missing."""
    with FakeServer.lmstudio(tmp_path, MODEL) as fake:
        server = await connect(fake)
        fake.control(path=LOAD, fail="unexpected")
        with pytest.raises(UnknownRouteError, match=f"POST {LOAD}"):
            await server.load(MODEL)
        assert fake.loaded() == []


async def test_a_load_that_is_said_but_not_seen_is_none(tmp_path: Path, connect: Connect) -> None:
    """What counts is the listing: who says that a model is loaded, and does not list it so, is not believed."""
    listing = {"models": [{"key": MODEL, "type": "llm", "loaded_instances": []}]}
    said = {"instance_id": MODEL, "status": "loaded", "load_time_seconds": 1}
    with CannedServer(tmp_path, {"GET /api/v1/models": listing, f"POST {LOAD}": said}) as sly:
        server = await connect(sly)
        with pytest.raises(ModelCrashedError, match="does not list it as loaded"):
            await server.load(MODEL)


async def test_r3_a_model_that_is_loaded_is_never_loaded_twice(tmp_path: Path, connect: Connect) -> None:
    """R3: loading is not idempotent there: what a person has loaded already, under any copy, is used as it is."""
    with FakeServer.lmstudio(tmp_path, "--loaded", MODEL, MODEL) as fake:
        server = await connect(fake)
        assert await server.load(MODEL) == 0
        assert loads(fake) == []
        assert fake.loaded() == [MODEL]


async def test_r4_another_model_that_answers_is_an_error(tmp_path: Path, connect: Connect) -> None:
    """R4: with one model loaded and no loading on demand, LM Studio answers any name with that one: refused."""
    with FakeServer.lmstudio(tmp_path, "--no-jit", "--loaded", "other/vl", MODEL, "other/vl") as fake:
        server = await connect(fake)
        with pytest.raises(WrongModelError, match=f"'other/vl', not '{MODEL}'"):
            await server.chat(question())


async def test_only_documented_keys_are_sent(tmp_path: Path, connect: Connect) -> None:
    """The context length is asked for; without one, LM Studio's own holds. Nothing else is in the body."""
    with FakeServer.lmstudio(tmp_path, MODEL, "other/vl") as fake:
        await (await connect(fake, context_length=12_000)).load(MODEL)
        await (await connect(fake, context_length=None)).load("other/vl")
        assert loads(fake) == [{"model": MODEL, "context_length": 12_000}, {"model": "other/vl"}]


@pytest.mark.parametrize("named", [MODEL, f"{MODEL}@q4_k_m", f"{MODEL}:2"])
async def test_a_model_goes_by_its_key_its_variant_and_its_copies(
    tmp_path: Path, connect: Connect, named: str
) -> None:
    """Whichever way the configuration names it, it is loaded once, answers, and is unloaded."""
    with FakeServer.lmstudio(tmp_path, MODEL) as fake:
        server = await connect(fake)
        entry = await server.entry(named)
        assert entry is not None
        if "@" not in named:  # the notes do not say that a load takes a variant's name
            await server.load(named)
        else:
            await server.load(MODEL)
            assert await server.load(named) == 0
        assert (await server.chat(question(named))).model_id == named
        await server.unload(named)
        assert fake.loaded() == []


async def test_a_variant_that_is_not_the_selected_one_is_none(tmp_path: Path, connect: Connect) -> None:
    """A variant that was not downloaded is missing; the one that is there is named instead of taken."""
    with FakeServer.lmstudio(tmp_path, MODEL) as fake:
        with pytest.raises(ModelMissingError, match="q4_k_m"):
            await (await connect(fake)).load(f"{MODEL}@q8_0")
        assert loads(fake) == []


async def test_every_copy_is_unloaded_by_its_own_id(tmp_path: Path, connect: Connect) -> None:
    """Two copies, as another program may have made them, are both taken away."""
    with FakeServer.lmstudio(tmp_path, MODEL) as fake:
        server = await connect(fake)
        await server.load(MODEL)
        by_another_program(fake, LOAD, model=MODEL)
        assert fake.loaded() == [MODEL, f"{MODEL}:2"]
        entry = await server.entry(MODEL)
        assert entry is not None
        assert entry.instances == (MODEL, f"{MODEL}:2")
        await server.unload(MODEL)
        assert fake.loaded() == []
        assert [each["body"] for each in fake.requests(UNLOAD)] == [
            {"instance_id": MODEL},
            {"instance_id": f"{MODEL}:2"},
        ]


async def test_the_copy_that_is_left_is_the_one_that_is_asked(tmp_path: Path, connect: Connect) -> None:
    """Where only the second copy is loaded, its name is used: the bare key would load a third one."""
    with FakeServer.lmstudio(tmp_path, MODEL) as fake:
        server = await connect(fake)
        await server.load(MODEL)
        by_another_program(fake, LOAD, model=MODEL)
        by_another_program(fake, UNLOAD, instance_id=MODEL)
        assert await server.load(MODEL) == 0
        await server.chat(question())
        assert fake.chats()[-1]["body"]["model"] == f"{MODEL}:2"
        assert fake.loaded() == [f"{MODEL}:2"]


@pytest.mark.parametrize(("level", "can_unload"), [("v1", True), ("v0", False), ("openai", False)])
async def test_the_level_is_known_by_its_listing(
    tmp_path: Path,
    connect: Connect,
    level: str,
    can_unload: bool,  # noqa: FBT001 - a table's column
) -> None:
    """Native v1, else v0, else OpenAI's routes; only v1 can load and unload, the others load on demand."""
    with FakeServer.lmstudio(tmp_path, "--level", level, MODEL) as fake:
        server = await connect(fake)
        await server.check_ready()
        assert server.can_unload is can_unload
        await server.load(MODEL)
        assert fake.loaded() == [MODEL]
        assert (loads(fake) != []) is can_unload
        assert fake.unlisted() == []


async def test_without_its_greeting_it_lives_by_its_listing(tmp_path: Path, connect: Connect) -> None:
    """Nobody promised that the greeting stays."""
    with FakeServer.lmstudio(tmp_path, MODEL) as fake:
        server = await connect(fake)
        fake.control(path="/lmstudio-greeting", fail="unexpected")
        await server.check_live()


async def test_a_load_that_fails_is_told_in_its_words(tmp_path: Path, connect: Connect) -> None:
    """The guard of the machine's memory refuses a load: its words reach the person, and another try may do."""
    with FakeServer.lmstudio(tmp_path, MODEL) as fake:
        fake.control(model=MODEL, on="load", fail="load_failed", times=1)
        server = await connect(fake)
        with pytest.raises(ModelCrashedError, match="insufficient system resources") as told:
            await server.load(MODEL)
        assert told.value.retryable
        await server.load(MODEL)
        assert fake.loaded() == [MODEL]


async def test_a_load_may_take_as_long_as_is_set_and_no_longer(tmp_path: Path, connect: Connect) -> None:
    """A load is answered when it is done: it has a timeout of its own."""
    with FakeServer.lmstudio(tmp_path, MODEL) as fake:
        fake.control(model=MODEL, on="load", delay_s=1.5, times=1)
        with pytest.raises(ServerTimeoutError, match=f"{LOAD} within 1 s"):
            await (await connect(fake, load_timeout_s=1)).load(MODEL)


@pytest.mark.parametrize("level", ["v1", "v0"])
async def test_a_model_without_eyes_is_told(tmp_path: Path, connect: Connect, level: str) -> None:
    """A model that takes no pictures is not loaded; those that do are named. So with an embedding model."""
    flags = ("--level", level, "--text-only", "some/text")
    with FakeServer.lmstudio(tmp_path, *flags, MODEL, "some/text") as fake:
        server = await connect(fake)
        for blind in ("some/text", "text-embedding-nomic-embed-text-v1.5"):
            with pytest.raises(ModelMissingError, match=f"'{blind}'.*takes no pictures.*'{MODEL}'"):
                await server.load(blind)
        assert fake.loaded() == []


async def test_without_loading_on_demand_a_listing_has_what_is_loaded(tmp_path: Path, connect: Connect) -> None:
    """With JIT off, OpenAI's listing has loaded models alone: another one is missing, and how to get it told."""
    with FakeServer.lmstudio(
        tmp_path, "--level", "openai", "--no-jit", "--loaded", "other/vl", MODEL, "other/vl"
    ) as fake:
        server = await connect(fake)
        await server.load("other/vl")
        with pytest.raises(ModelMissingError, match=f"lms get {MODEL}"):
            await server.load(MODEL)


async def test_a_crash_is_a_crash_and_the_model_can_be_loaded_again(tmp_path: Path, connect: Connect) -> None:
    """The server lives, the model does not: that is told with the exit code, and mended by a load."""
    with FakeServer.lmstudio(tmp_path, MODEL) as fake:
        server = await connect(fake)
        await server.load(MODEL)
        fake.control(model=MODEL, fail="crash", times=1)
        with pytest.raises(ModelCrashedError, match="Exit code"):
            await server.chat(question())
        await server.check_live()
        await server.load(MODEL)
        assert (await server.chat(question())).answer


@pytest.mark.parametrize("fail", ["garbage", "list", "500", "reset"])
async def test_a_fault_while_the_level_is_found_is_not_kept(tmp_path: Path, connect: Connect, fail: str) -> None:
    """A first answer that is no good raises; it does not make a lesser LM Studio of it for ever."""
    with FakeServer.lmstudio(tmp_path, MODEL) as fake:
        server = await connect(fake)
        fake.control(path="/api/v1/models", fail=fail, times=1)
        with pytest.raises(ServerError):
            await server.check_ready()
        await server.check_ready()
        assert server.can_unload
