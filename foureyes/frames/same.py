"""Telling that a picture is the last one again, so that it is handed out as the very same object."""

from __future__ import annotations

import numpy as np

from foureyes.picture import Picture, Pixels


class SamePixels:
    """The last picture of a source that gives pixels; 0.1 to 0.7 ms for a comparison."""

    def __init__(self) -> None:
        self._last: Picture | None = None

    def picture(self, pixels: Pixels) -> Picture:
        """Return the last picture where `pixels` equal it, else a new one that holds them."""
        if self._last is None or not np.array_equal(self._last.pixels, pixels):
            self._last = Picture(pixels=pixels)
        return self._last


class SameBytes:
    """The last picture of a source that gives encoded files."""

    def __init__(self) -> None:
        self._last: Picture | None = None

    def picture(self, encoded: bytes) -> Picture:
        """Return the last picture where `encoded` equals it, else a new one, not yet decoded."""
        if self._last is None or self._last.encoded != encoded:
            self._last = Picture(encoded=encoded)
        return self._last
