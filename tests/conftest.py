"""Fixtures that start the real parts; where one is not installed the tests skip, and fail in CI."""

from __future__ import annotations

import os
from collections.abc import Iterator

import pytest
from parts.obs_studio import ObsStudio
from parts.program import MissingProgramError
from parts.xvfb import Xvfb


def _absent(error: MissingProgramError) -> None:
    if os.environ.get("CI", "").lower() in {"1", "true"}:
        pytest.fail(str(error))
    pytest.skip(str(error))


@pytest.fixture(scope="session")
def screen() -> Iterator[Xvfb]:
    """A virtual screen of 1280x720; start programs on it with `env=screen.env()`."""
    try:
        part = Xvfb(1280, 720).__enter__()
    except MissingProgramError as error:
        _absent(error)
    yield part
    part.stop()


@pytest.fixture(scope="module")
def obs_studio() -> Iterator[ObsStudio]:
    """A running OBS of 1280x720 with one empty scene, `Scene`, shared by the tests of a module."""
    try:
        part = ObsStudio(1280, 720).__enter__()
    except MissingProgramError as error:
        _absent(error)
    with part:
        yield part
