"""An LM Studio that the tests of this folder share."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from parts.fakes.steering import FakeServer


@pytest.fixture(scope="module")
def shared_studio(tmp_path_factory: pytest.TempPathFactory) -> Iterator[FakeServer]:
    with FakeServer.lmstudio(tmp_path_factory.mktemp("studio"), "a/one", "b/two", "c/three") as server:
        yield server


@pytest.fixture
def studio(shared_studio: FakeServer) -> FakeServer:
    """An LM Studio with nothing loaded and no fault."""
    for model in ("a/one", "b/two", "c/three"):
        shared_studio.control(model=model, loaded=False, fail=None, values={})
    shared_studio.control(settings={"jit": True, "token": "", "text_only": []})
    return shared_studio
