"""Fixtures that start the real parts; where one is not installed the tests skip, and fail in CI."""

from __future__ import annotations

import contextlib
import os
import sys
import uuid
from collections.abc import Iterator
from typing import Any, TypeVar

import pytest
from parts.browser import Browser
from parts.mongo_server import URI_VARIABLE, MongoServer, build_beforehand
from parts.obs_studio import ObsStudio
from parts.program import MissingProgramError
from parts.promtool import Promtool, promtool
from parts.xvfb import Xvfb
from pymongo import MongoClient
from pymongo.database import Database

T = TypeVar("T")

_WITH_DAEMONS = {"cli", "daemon", "errors", "forgewright", "service", "web"}

# coverage of a child doubles the price of its start: these files tell enough of what runs in children alone
_MEASURED_CHILDREN = {"test_attempts.py", "test_errors_command.py", "test_obs_daemon.py", "test_web.py"}
_CHILDREN_VARIABLE = "COVERAGE_PROCESS_CONFIG"

# hundreds of our processes are started: where no bytecode is kept, each of them compiles all of our sources anew
os.environ.pop("PYTHONDONTWRITEBYTECODE", None)
sys.dont_write_bytecode = False


def _running(part: contextlib.AbstractContextManager[T]) -> Iterator[T]:
    with contextlib.ExitStack() as undo:
        try:
            running = undo.enter_context(part)
        except MissingProgramError as error:
            if os.environ.get("CI", "").lower() in {"1", "true"}:
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield running


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with the rooms whose tests start daemons: none of their files is to be left alone at the end."""
    items.sort(key=lambda item: item.path.parent.name not in _WITH_DAEMONS)


@pytest.fixture(scope="module", autouse=True)
def _children_measured_here_alone(request: pytest.FixtureRequest) -> Iterator[None]:
    """Have children of a test measure themselves in a few files only."""
    with pytest.MonkeyPatch.context() as patch:
        if request.path.name not in _MEASURED_CHILDREN:
            patch.delenv(_CHILDREN_VARIABLE, raising=False)
        yield


def pytest_collection_finish(session: pytest.Session) -> None:
    """Have what takes a minute to build ready by the time that a test wants it."""
    wanted = {name for item in session.items for name in getattr(item, "fixturenames", ())}
    if {"mongo_uri", "own_mongo"} & wanted and not session.config.option.collectonly:
        build_beforehand()


@pytest.fixture(scope="session")
def screen() -> Iterator[Xvfb]:
    """A virtual screen of 1280x720; start programs on it with `env=screen.env()`."""
    yield from _running(Xvfb(1280, 720))


@pytest.fixture(scope="module")
def obs_studio() -> Iterator[ObsStudio]:
    """A running OBS of 1280x720 with one empty scene, `Scene`, shared by the tests of a module."""
    yield from _running(ObsStudio(1280, 720))


@pytest.fixture(scope="module")
def browser() -> Iterator[Browser]:
    """A running Chromium, shared by the tests of a module."""
    yield from _running(Browser())


@pytest.fixture(scope="session")
def mongo_uri(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """The address of a MongoDB that all tests share; see `mongo` for a database of one's own."""
    if given := os.environ.get(URI_VARIABLE):
        yield given
        return
    for server in _running(MongoServer(tmp_path_factory.mktemp("mongo"))):
        yield server.uri


@pytest.fixture
def mongo(mongo_uri: str) -> Iterator[Database[dict[str, Any]]]:
    """An empty database of the shared MongoDB, gone after the test."""
    with MongoClient[dict[str, Any]](mongo_uri, tz_aware=True) as client:
        name = f"foureyes_{uuid.uuid4().hex}"
        yield client[name]
        client.drop_database(name)


@pytest.fixture(scope="module")
def own_mongo(tmp_path_factory: pytest.TempPathFactory) -> Iterator[MongoServer]:
    """A MongoDB of one module's own, to be stopped, killed and started again."""
    yield from _running(MongoServer(tmp_path_factory.mktemp("own-mongo")))


@pytest.fixture(name="promtool", scope="session")
def _promtool() -> Iterator[Promtool]:
    """Prometheus' tool that checks metrics and rules."""
    yield from _running(promtool())
