"""One suite for every kind of server: by the adapter that its settings name, and by the one that `auto` finds."""

from __future__ import annotations

import asyncio
import re

import pytest
from parts.program import free_port
from parts.server_kinds import KINDS, SEEN, Running, ServerKind, question

from foureyes.exceptions import ModelMissingError, ServerRefusedError, UnknownRouteError
from foureyes.schema.document import check_answer
from foureyes.servers.chat.probe import probe
from foureyes.servers.http.clients import Clients
from foureyes.servers.kinds.adapters import adapter_for
from foureyes.servers.server import Listed, ModelServer

pytestmark = pytest.mark.usefixtures("well_behaved")


@pytest.fixture(scope="module", params=KINDS, ids=str)
def kind(request: pytest.FixtureRequest) -> ServerKind:
    return request.param  # type: ignore[no-any-return]


@pytest.fixture(params=["named", "auto"])
def via(request: pytest.FixtureRequest) -> str:
    return str(request.param)


async def the_entry(adapter: ModelServer, kind: ServerKind) -> Listed:
    entry = await adapter.entry(kind.model)
    assert entry is not None
    return entry


async def test_a_server_that_runs_is_live_and_ready(adapter: ModelServer) -> None:
    """Both checks pass, and only after that it is known whether single models can be unloaded."""
    await adapter.check_live()
    await adapter.check_ready()


async def test_only_some_kinds_can_unload(adapter: ModelServer, kind: ServerKind) -> None:
    """Whether a model can be unloaded and loaded again is the kind's own."""
    await adapter.check_ready()
    assert adapter.can_unload is kind.can_unload


async def test_the_listing_has_the_model(adapter: ModelServer, kind: ServerKind) -> None:
    """A configured id means one of the listed models, under whatever name the server lists it."""
    entry = await the_entry(adapter, kind)
    assert entry in await adapter.listed()
    assert await adapter.entry("no/such-model") is None


async def test_r3_load_loads_once(adapter: ModelServer, kind: ServerKind, running: Running) -> None:
    """R3: what is loaded is not loaded again, nor by several who ask at once; it is listed as loaded."""
    await adapter.load(kind.model)
    if running.fake is not None and kind.can_unload:
        await adapter.unload(kind.model)
        before = len(running.fake.events("loaded"))
        await asyncio.gather(*(adapter.load(kind.model) for _ in range(3)))
        assert len(running.fake.events("loaded")) == before + 1
    await adapter.load(kind.model)
    assert (await the_entry(adapter, kind)).loaded is (True if kind.tells_loaded else None)
    if kind.tells_loaded:
        assert await adapter.load(kind.model) == 0


async def test_r11_a_model_can_be_unloaded_and_loaded_again(adapter: ModelServer, kind: ServerKind) -> None:
    """R11: after an unload it is not listed as loaded; loaded again, it answers: nothing stale was kept."""
    await adapter.load(kind.model)
    await adapter.chat(question(kind))
    if not kind.can_unload:
        with pytest.raises(UnknownRouteError, match="no way to unload"):
            await adapter.unload(kind.model)
        return
    await adapter.unload(kind.model)
    assert (await the_entry(adapter, kind)).loaded is False
    await adapter.unload(kind.model)  # nothing is loaded: nothing to do
    await adapter.load(kind.model)
    assert (await the_entry(adapter, kind)).loaded is True
    await adapter.chat(question(kind))


async def test_an_answer_keeps_to_its_schema(adapter: ModelServer, kind: ServerKind, running: Running) -> None:
    """A question is answered by the model that was asked, within the schema, with what it cost."""
    if running.fake is not None:
        running.fake.control(model="*", values={"seen": "yes"})
    await adapter.load(kind.model)
    reply = await adapter.chat(question(kind))
    assert check_answer(SEEN, reply.answer) == []
    assert running.fake is None or reply.answer == {"seen": "yes"}
    assert reply.model_id == kind.model
    assert reply.latency_ms > 0
    assert reply.usage is not None
    assert reply.scales == (1.0,)


async def test_the_probe_is_answered(adapter: ModelServer, kind: ServerKind) -> None:
    """The tiny inference that proves a model works is answered by every kind."""
    await adapter.load(kind.model)
    assert await probe(adapter, kind.model, timeout_s=20) > 0


async def test_a_model_that_is_not_there_is_told_with_what_is(adapter: ModelServer, kind: ServerKind) -> None:
    """An id that the server does not have is refused with the ids that it has."""
    with pytest.raises(ModelMissingError, match=kind.model):
        await adapter.load(f"{kind.model}-nope")


@pytest.mark.parametrize(
    "model",
    [
        "microsoft/trocr-base-handwritten",
        "microsoft/dit-base-finetuned",
        "nvidia/nvdino",
        "google/owlvit-base-patch32",
    ],
)
async def test_a_model_that_no_such_server_can_serve_is_told_with_a_substitute(
    adapter: ModelServer, kind: ServerKind, model: str
) -> None:
    """The four models of old are named with the reason, and with the engine's model that does their work."""
    with pytest.raises(ModelMissingError, match=rf"'{model}'") as told:
        await adapter.load(model)
    assert kind.name == "engine" or re.search(r"no chat model; use the engine's '\w+' instead", str(told.value))


async def test_nobody_at_the_address_is_told(kind: ServerKind, via: str, clients: Clients) -> None:
    """Where nobody listens, that is what the error says; it may be tried again."""
    url = f"http://127.0.0.1:{free_port()}"
    settings = kind.auto_settings(url) if via == "auto" else kind.settings(url)
    with pytest.raises(ServerRefusedError, match="nobody listens") as told:
        await (await adapter_for(settings, url, clients)).check_live()
    assert told.value.retryable
