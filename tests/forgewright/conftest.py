"""What several files of these tests share."""

from __future__ import annotations

from pathlib import Path

import pytest
from parts.mending import Ground


@pytest.fixture(scope="session")
def seeded(tmp_path_factory: pytest.TempPathFactory) -> Ground:
    """A checkout with a bug and the case of it, made once."""
    return Ground.made(tmp_path_factory.mktemp("seeded"))


@pytest.fixture
def ground(seeded: Ground, tmp_path: Path) -> Ground:
    """The same for one test alone, which may change it."""
    return seeded.copied(tmp_path)
