"""Change detection, for any pictures: without noise nothing is overlooked, and no threshold can hide a digit."""

from __future__ import annotations

import numpy as np
import numpy.typing as npt
from hypothesis import given
from hypothesis import strategies as st

from foureyes.frames.region import Region
from foureyes.picture import Box, Pixels
from foureyes.vision.change import HIGHEST_THRESHOLD, TILE_PX, Noise, changed, difference

CELLS = 9
"""`difference` and thresholds are sums over 3x3 pixels."""

sizes = st.tuples(st.integers(1, 70), st.integers(1, 70))
seeds = st.integers(0, 2**32 - 1)


def random_picture(size: tuple[int, int], seed: int) -> Pixels:
    return np.random.default_rng(seed).integers(0, 256, (*size, 3), np.uint8)


@st.composite
def one_value_apart(draw: st.DrawFn) -> tuple[Pixels, Pixels]:
    """Two pictures that differ in one channel of one pixel, by any amount."""
    size = draw(sizes)
    picture = random_picture(size, draw(seeds))
    other = picture.copy()
    place = (draw(st.integers(0, size[0] - 1)), draw(st.integers(0, size[1] - 1)), draw(st.integers(0, 2)))
    other[place] = draw(st.integers(0, 255).filter(lambda value: value != picture[place]))
    return picture, other


def no_thresholds(picture: Pixels) -> npt.NDArray[np.uint16]:
    rows, columns = (-(-side // TILE_PX) for side in picture.shape[:2])
    return np.zeros((rows, columns), np.uint16)


@given(one_value_apart())
def test_any_pixel_by_any_amount_is_seen(pair: tuple[Pixels, Pixels]) -> None:
    """Without noise the smallest possible change is one, whichever picture was accepted."""
    one, other = pair
    assert changed(one, other, None)
    assert changed(other, one, None)
    assert not changed(one.copy(), one, None)


@given(one_value_apart())
def test_a_quiet_tile_beside_noisy_ones_is_exact_too(pair: tuple[Pixels, Pixels]) -> None:
    """Where a source shows noise elsewhere, a tile with no threshold still sees any change."""
    one, other = pair
    assert changed(one, other, no_thresholds(one))
    assert not changed(one.copy(), one, no_thresholds(one))


@given(one_value_apart())
def test_what_is_under_its_threshold_is_no_change(pair: tuple[Pixels, Pixels]) -> None:
    """The largest difference is a change for a threshold just below it, and none for itself."""
    one, other = pair
    largest = int(difference(one, other).max())
    assert not changed(one, other, np.full_like(no_thresholds(one), largest))
    assert changed(one, other, np.full_like(no_thresholds(one), largest - 1))


@given(sizes, st.integers(0, 255), st.lists(seeds, min_size=16, max_size=24))
def test_a_threshold_never_hides_the_weakest_digit(
    size: tuple[int, int], amplitude: int, noise_seeds: list[int]
) -> None:
    """Whatever noise is learned, no threshold is above the weakest one-digit change that was measured."""
    noise, base = Noise(), random_picture(size, 1).astype(np.int16)
    captures = [
        np.clip(base + np.random.default_rng(seed).integers(-amplitude, amplitude + 1, base.shape), 0, 255)
        for seed in noise_seeds
    ]
    for current, previous in zip(captures[1:], captures, strict=False):
        noise.observe(current.astype(np.uint8), previous.astype(np.uint8))
    if noise.thresholds is not None:
        assert noise.thresholds.max() <= HIGHEST_THRESHOLD * CELLS


@given(sizes, st.integers(1, 12), seeds)
def test_learned_noise_lies_under_its_threshold(size: tuple[int, int], amplitude: int, seed: int) -> None:
    """What was learned from does not fire: each pair of captures is the same to the thresholds it taught."""
    generator, noise = np.random.default_rng(seed), Noise()
    captures = [generator.integers(100, 100 + amplitude + 1, (*size, 3), np.uint8) for _ in range(16)]
    for current, previous in zip(captures[1:], captures, strict=False):
        noise.observe(current, previous)
    thresholds = noise.thresholds_in(Box(0, 0, size[1], size[0]))
    if thresholds is not None and thresholds.all():
        assert not changed(captures[-1], captures[-2], thresholds)


@given(
    st.tuples(*[st.floats(0, 0.999)] * 2),
    st.tuples(*[st.floats(0.001, 1)] * 2),
    st.tuples(st.integers(1, 2000), st.integers(1, 2000)),
)
def test_a_widened_region_holds_the_region(
    corner: tuple[float, float], extent: tuple[float, float], frame: tuple[int, int]
) -> None:
    """A region's edges move outward to the 16 px blocks and never out of the frame."""
    region = Region(*corner, min(extent[0], 1 - corner[0]), min(extent[1], 1 - corner[1]))
    box, plain = region.box(*frame, TILE_PX), region.box(*frame)
    assert box.x <= plain.x
    assert box.y <= plain.y
    assert plain.right <= box.right <= frame[0]
    assert plain.bottom <= box.bottom <= frame[1]
    assert box.x % TILE_PX == box.y % TILE_PX == 0
    assert min(box.width, box.height) >= 1
