"""Fixtures that start the real parts; where one is not installed the tests skip, and fail in CI."""

from __future__ import annotations

import contextlib
import os
from collections.abc import Iterator
from typing import TypeVar

import pytest
from parts.obs_studio import ObsStudio
from parts.program import MissingProgramError
from parts.xvfb import Xvfb

T = TypeVar("T")


def _running(part: contextlib.AbstractContextManager[T]) -> Iterator[T]:
    with contextlib.ExitStack() as undo:
        try:
            running = undo.enter_context(part)
        except MissingProgramError as error:
            if os.environ.get("CI", "").lower() in {"1", "true"}:
                pytest.fail(str(error))
            pytest.skip(str(error))
        yield running


@pytest.fixture(scope="session")
def screen() -> Iterator[Xvfb]:
    """A virtual screen of 1280x720; start programs on it with `env=screen.env()`."""
    yield from _running(Xvfb(1280, 720))


@pytest.fixture(scope="module")
def obs_studio() -> Iterator[ObsStudio]:
    """A running OBS of 1280x720 with one empty scene, `Scene`, shared by the tests of a module."""
    yield from _running(ObsStudio(1280, 720))
