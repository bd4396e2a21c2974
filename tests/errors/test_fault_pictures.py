"""The folder of pictures that faults refer to: bounded by age and by size."""

from __future__ import annotations

import os
from pathlib import Path

import numpy as np

from foureyes.errors.pictures import PictureStore
from foureyes.picture import Picture

DAY_S = 86_400


def _picture(shade: int) -> Picture:
    return Picture(pixels=np.full((32, 32, 3), shade, np.uint8))


def test_pictures_go_after_their_days(tmp_path: Path) -> None:
    """A picture older than its days is removed, a younger one stays."""
    store = PictureStore(tmp_path, keep_days=7, max_bytes=10_000_000, now=lambda: 100 * DAY_S)
    old, young = store.keep(_picture(1)), store.keep(_picture(2))
    for name, days in ((old, 92), (young, 94)):
        file = store.find(name)
        assert file is not None
        os.utime(file, (days * DAY_S, days * DAY_S))
    assert store.prune() == 1
    assert (store.find(old) is None, store.find(young) is None) == (True, False)


def test_the_oldest_pictures_go_when_they_are_too_much(tmp_path: Path) -> None:
    """Over the bound the oldest pictures go until the rest is within it."""
    store = PictureStore(tmp_path, keep_days=7, max_bytes=10_000_000, now=lambda: 100.0)
    names = [store.keep(_picture(shade)) for shade in range(5)]
    for age, name in enumerate(reversed(names)):
        file = store.find(name)
        assert file is not None
        os.utime(file, (100 - age, 100 - age))
    size = sum(file.stat().st_size for file in tmp_path.iterdir())
    tight = PictureStore(tmp_path, keep_days=7, max_bytes=size // 2, now=lambda: 100.0)
    assert tight.prune() == 3
    assert [name for name in names if tight.find(name)] == names[3:]


def test_equal_pixels_are_one_file(tmp_path: Path) -> None:
    """The same picture twice is kept once."""
    store = PictureStore(tmp_path, keep_days=7, max_bytes=10_000_000)
    assert store.keep(_picture(3)) == store.keep(_picture(3))
    assert len(list(tmp_path.iterdir())) == 1


def test_a_hostile_name_finds_nothing(tmp_path: Path) -> None:
    """A digest is letters and digits: anything else names no file."""
    (tmp_path / "secret.png").write_bytes(b"")
    store = PictureStore(tmp_path / "frames", keep_days=7, max_bytes=10_000_000)
    assert store.find("../secret") is None
