"""Regions: fractions of a frame as whole pixels."""

from hypothesis import example, given
from hypothesis import strategies as st

from foureyes.frames.region import WHOLE, Region
from foureyes.picture import Box

side = st.integers(1, 4096)
fraction = st.floats(0, 1, allow_nan=False)


@given(side, side, st.sampled_from([1, 16]))
def test_the_whole_frame_is_the_whole_frame(width: int, height: int, edge_px: int) -> None:
    """The default region holds every pixel, whatever the size."""
    assert WHOLE.box(width, height, edge_px) == Box(0, 0, width, height)


@example(640, 480, 1.0, 1.0, 1.0, 1.0, 1)
@example(640, 480, 1.0, 1.0, 1.0, 1.0, 16)
@given(side, side, fraction, fraction, fraction, fraction, st.sampled_from([1, 16]))
def test_a_box_is_inside_and_never_empty(
    width: int, height: int, left: float, top: float, right: float, bottom: float, edge_px: int
) -> None:
    """Every region gives at least one pixel, and none outside the frame, also at the very edge."""
    x, y = min(left, right), min(top, bottom)
    box = Region(x, y, abs(left - right), abs(top - bottom)).box(width, height, edge_px)
    assert box.width >= 1
    assert box.height >= 1
    assert box.x >= 0
    assert box.y >= 0
    assert box.right <= width
    assert box.bottom <= height


def test_edges_move_outward_to_the_block() -> None:
    """A region's edges go out to the next 16 pixels, so that what JPEG spreads stays inside."""
    assert Region(0.25, 0.1, 0.1, 0.1).box(1280, 720, 16) == Box(320, 64, 128, 80)
    assert Region(0.26, 0.1, 0.1, 0.1).box(1280, 720, 16) == Box(320, 64, 144, 80)
