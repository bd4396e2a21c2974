"""One look of a task at a source: the frame, its predecessor, and the pixels that the task sees of them."""

from __future__ import annotations

import threading
from collections.abc import Sequence
from dataclasses import dataclass
from weakref import WeakKeyDictionary

import numpy as np
import xxhash
from cv2 import BORDER_REPLICATE, copyMakeBorder

from foureyes.frames.frame import Frame
from foureyes.frames.region import Region
from foureyes.picture import BLOCK_PX, Box, Picture, Pixels, digest, encode_png

_PADDING_PX = (3, 10)
"""Rows above and below, columns left and right: enough that a recogniser looks anew (measured)."""


@dataclass(frozen=True, eq=False)
class Look:
    """The newest frame of a source and the one captured before it, if there is one."""

    frame: Frame
    previous: Frame | None


@dataclass(frozen=True, eq=False)
class View:
    """What a task sees in one look: its boxes cut out of the current picture, then, for a pair, of the earlier."""

    pictures: tuple[Picture, ...]
    """The current picture, then the earlier one where the task reads pairs."""
    boxes: tuple[Box, ...]
    is_padded: bool = False
    """Whether it is sent with its edges repeated outwards, for a second read of the same pixels."""

    def crops(self) -> tuple[Pixels, ...]:
        """Views of the pixels, current ones first. Decodes on first use: keep it off the event loop."""
        return tuple(box.cut(picture.pixels) for picture in self.pictures for box in self.boxes)

    def digest(self) -> str:
        """Digest of all pixels seen."""
        return xxhash.xxh3_128_hexdigest("".join(digest(crop) for crop in self.crops()).encode())


def view_of(look: Look, regions: Sequence[Region], *, pair: bool) -> View:
    """Cut a task's regions out of a look; of a pair whose sizes differ, only the newer picture is seen."""
    current = look.frame.picture
    boxes = tuple(region.box(current.width, current.height, BLOCK_PX) for region in regions)
    earlier = look.previous.picture if pair and look.previous else None
    if earlier is None or (earlier.width, earlier.height) != (current.width, current.height):
        return View((current,), boxes)
    return View((current, earlier), boxes)


class Encoder:
    """Encodes what is sent to servers: losslessly, and once for all tasks that look at the same pixels."""

    def __init__(self) -> None:
        self._encoded: WeakKeyDictionary[Picture, dict[Box, bytes]] = WeakKeyDictionary()
        self._one_at_a_time = threading.Lock()

    def pictures(self, view: View) -> tuple[bytes, ...]:
        """PNG or JPEG bytes in the order of `View.crops`. Slow: keep it off the event loop."""
        with self._one_at_a_time:  # tasks ask for one picture at once: the others find it done
            of = self._padded if view.is_padded else self._bytes
            return tuple(of(picture, box) for picture in view.pictures for box in view.boxes)

    @staticmethod
    def _padded(picture: Picture, box: Box) -> bytes:
        """Seldom asked for, and by one task: not kept."""
        high, wide = _PADDING_PX
        return encode_png(
            np.asarray(copyMakeBorder(box.cut(picture.pixels), high, high, wide, wide, BORDER_REPLICATE), np.uint8)
        )

    def _bytes(self, picture: Picture, box: Box) -> bytes:
        if picture.encoded is not None and box == Box(0, 0, picture.width, picture.height):
            return picture.encoded
        known = self._encoded.setdefault(picture, {})
        if box not in known:
            known[box] = encode_png(box.cut(picture.pixels))
        return known[box]

    def forget(self) -> None:
        """Keep nothing: what is asked for again is encoded again."""
        self._encoded = WeakKeyDictionary()
