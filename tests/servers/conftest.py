"""What the suites over all kinds of server share: one program of each kind a module, and its adapter."""

from __future__ import annotations

from collections.abc import AsyncIterator, Iterator

import pytest
from parts.server_kinds import Running, ServerKind

from foureyes.servers.http.clients import Clients
from foureyes.servers.kinds.adapters import adapter_for
from foureyes.servers.server import ModelServer


@pytest.fixture(scope="module")
def running(kind: ServerKind, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Running]:
    """The server of a kind, shared by the tests of the module."""
    with kind.run(tmp_path_factory.mktemp(kind.name)) as running:
        yield running


@pytest.fixture
async def clients() -> AsyncIterator[Clients]:
    """Connections; a test leaves none of them in use."""
    made = Clients()
    yield made
    assert made.stats().leases == 0
    await made.aclose()
    assert made.stats().open == 0


@pytest.fixture
def via() -> str:
    """How the adapter comes by its kind: `named` in its settings, or found out (`auto`)."""
    return "named"


@pytest.fixture
async def adapter(kind: ServerKind, running: Running, via: str, clients: Clients) -> ModelServer:
    """The adapter under test, before anything was asked of it."""
    settings = kind.auto_settings(running.url) if via == "auto" else kind.settings(running.url)
    return await adapter_for(settings, running.url, clients)


@pytest.fixture
def well_behaved(running: Running) -> Iterator[None]:
    """After each test the server behaves again; an adapter calls no route that its server does not list."""
    if running.fake is None:
        yield
        return
    before = len(running.fake.unlisted())
    yield
    running.fake.control(model="*", fail=None)
    running.fake.control(path="*", fail=None)
    running.fake.control(settings={"token": ""})
    assert running.fake.unlisted()[before:] == []
