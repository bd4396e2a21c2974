"""The demo as a source of pictures."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from foureyes.config import settings
from foureyes.frames.demo import Scene
from foureyes.frames.source import Source
from foureyes.frames.sources.demo import DemoSource


def opened(seed: int = 1) -> Source:
    return DemoSource(settings.DemoSource(kind="demo", seed=seed, fps=3.0))


@pytest.mark.parametrize("seed", [1, 12])
def test_grab_number_n_is_picture_n_and_equal_pictures_are_one_object(seed: int) -> None:
    """Each grab gives the next picture of the scene; it is the same object exactly where no pixel changed."""
    source, scene = opened(seed), Scene(seed, 3.0)
    pictures = [source.grab() for _ in range(240)]
    for n, picture in enumerate(pictures):
        assert np.array_equal(picture.pixels, scene.draw(n))
    for before, after in pairwise(pictures):
        assert (before is after) == np.array_equal(before.pixels, after.pixels)


def test_an_idle_phase_stands_still_for_some_looks() -> None:
    """Between ticks there are stretches of at least four looks with one and the same picture."""
    source = opened()
    pictures = [source.grab() for _ in range(180)]
    still = "".join("=" if before is after else " " for before, after in pairwise(pictures))
    assert still.count("===") >= 5


def test_the_source_says_what_it_is() -> None:
    """The description names the seed, so that a run can be repeated; it never ends; closing twice is fine."""
    source = opened(seed=77)
    assert source.kind == "demo"
    assert "77" in source.description
    assert source.finite is False
    source.close()
    source.close()
