"""Change detection: every one-digit change is seen, noise is not, and an unchanged scene never fires."""

import cv2
import numpy as np
import pytest
from parts.jpeg import encode_jpeg

from foureyes.frames.region import Region
from foureyes.picture import Box, Pixels, decode
from foureyes.vision.change import TILE_PX, Noise, changed

FONT_SCALES_PX = {14: 0.45, 20: 0.65, 32: 1.0}


def drawn(text: str, *, px: int, ink: int, paper: int) -> Pixels:
    picture = np.full((64, 256, 3), paper, np.uint8)
    cv2.putText(
        picture, text, (8, 40), cv2.FONT_HERSHEY_SIMPLEX, FONT_SCALES_PX[px], (ink, ink, ink), 1, cv2.LINE_AA
    )
    return picture


@pytest.mark.parametrize("px", FONT_SCALES_PX)
@pytest.mark.parametrize(("ink", "paper"), [(230, 20), (20, 230), (128, 96)])
def test_every_one_digit_change_is_seen(px: int, ink: int, paper: int) -> None:
    """Any digit of an amount that becomes any other one is a change, at 14 px and low contrast too (R29)."""
    for place in range(4):
        for digit in range(1, 10):
            before = list("1000")
            after = list("1000")
            before[place], after[place] = str(digit), str((digit + 1) % 10)
            accepted = drawn("".join(before), px=px, ink=ink, paper=paper)
            current = drawn("".join(after), px=px, ink=ink, paper=paper)
            assert changed(current, accepted, None)


def test_equal_pixels_are_no_change() -> None:
    """The same pixels in another array are the same."""
    picture = drawn("1785.42", px=20, ink=230, paper=20)
    assert not changed(picture.copy(), picture, None)


def test_another_size_is_a_change() -> None:
    """A picture of another size is another picture."""
    picture = drawn("1", px=20, ink=230, paper=20)
    assert changed(picture[:32], picture, None)


@pytest.mark.parametrize("row", [0, 15, 16, 79, 80, 81, 99])
def test_a_change_counts_in_each_tile_that_its_mean_reaches_and_in_no_other(row: int) -> None:
    """The mean of 3x3 reaches one row up and down, over the edges of tiles; elsewhere nothing has changed."""
    accepted = np.zeros((100, 40, 3), np.uint8)
    current = accepted.copy()
    current[row, 20] = 90
    reached = {each // TILE_PX for each in (row - 1, row, row + 1) if 0 <= each < 100}
    for tile in range(7):
        highest = np.full((7, 3), 2295, np.uint16)
        highest[tile] = 0
        assert changed(current, accepted, highest) == (tile in reached)


def noisy(picture: Pixels, generator: np.random.Generator) -> Pixels:
    noise = generator.integers(-6, 7, picture.shape)
    return np.clip(picture.astype(np.int16) + noise, 0, 255).astype(np.uint8)


def learned_from_noise(picture: Pixels, generator: np.random.Generator, pairs: int = 30) -> Noise:
    noise, previous = Noise(), noisy(picture, generator)
    for _ in range(pairs):
        current = noisy(picture, generator)
        noise.observe(current, previous)
        previous = current
    return noise


def test_noise_is_learned_and_a_digit_still_shows() -> None:
    """On a noisy source the threshold lies above the noise and below the weakest digit."""
    generator = np.random.default_rng(7)
    picture = drawn("1785.42", px=20, ink=230, paper=20)
    noise = learned_from_noise(picture, generator)
    thresholds = noise.thresholds_in(Box(0, 0, 256, 64))
    assert thresholds is not None
    assert not any(changed(noisy(picture, generator), picture, thresholds) for _ in range(20))
    assert changed(noisy(drawn("1786.42", px=20, ink=230, paper=20), generator), picture, thresholds)


def test_a_value_that_ticks_is_content_and_stays_exact() -> None:
    """A tile that changes now and then, or changes a lot, never gets a threshold."""
    noise = Noise()
    previous = drawn("1000", px=20, ink=230, paper=20)
    for step in range(40):
        current = drawn(f"{1000 + step}", px=20, ink=230, paper=20)
        noise.observe(current, previous)
        previous = current
    assert noise.thresholds is None


def test_a_still_source_forgets_its_noise() -> None:
    """A source that became exact is compared exactly again."""
    noise = learned_from_noise(drawn("1", px=20, ink=230, paper=20), np.random.default_rng(3))
    for _ in range(15):
        noise.observe_equal()
    assert noise.thresholds is None


def test_a_region_is_widened_to_the_jpeg_block() -> None:
    """A change next to a region's edge shows inside the block that the region is widened to."""
    box = Region(0.1, 0.1, 0.3, 0.3).box(1280, 720, 16)
    assert (box.x % 16, box.y % 16, box.right % 16, box.bottom % 16) == (0, 0, 0, 0)
    assert box.x <= 128
    assert box.right >= 512


def test_a_slow_fade_is_seen_against_the_accepted_picture() -> None:
    """A fade too slow to see from frame to frame is a change against the last accepted one."""
    bright = drawn("1785.42", px=32, ink=230, paper=20)
    faded = (bright * 0.97).astype(np.uint8)
    assert changed(faded, bright, None)


@pytest.mark.parametrize("quality", [40, 75, 90])
def test_jpeg_of_a_drawn_scene_is_exact(quality: int) -> None:
    """The same drawing compressed twice decodes to the same pixels, so that it never fires."""
    picture = drawn("1785.42", px=14, ink=128, paper=96)
    one, two = (decode(encode_jpeg(picture, quality)) for _ in range(2))
    assert not changed(one, two, None)
