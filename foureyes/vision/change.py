"""What changed: pixels against the last ACCEPTED picture, exactly where a source shows no noise.

The rule is the 3x3 mean of the absolute difference (largest channel): averaged over a tile, one changed digit
of small text would be lost. Where a 16 px tile differs in nearly every pair of captures, and only a little, that
is noise, and the tile's own threshold lies above it, but never so high that it could hide a digit. Pairs in which
it differs more show content, and teach nothing: a tile that is written to now and then keeps its threshold.
"""

from __future__ import annotations

import cv2
import numpy as np
import numpy.typing as npt

from foureyes.picture import Box, Pixels, distance

TILE_PX = 16
_BAND_PX = 5 * TILE_PX
HIGHEST_THRESHOLD = 12.0
"""No noise teaches more: the weakest one-digit change (OBS, quality 90, 14 px, 32 greys apart) shows 13."""
_HISTORY = 15
_NOISY_SHARE = 0.8
_CALM_SHARE = 0.5
"""Of the pairs: where content changes in more of them the tile is exact."""
_MARGIN = 1.5

Levels = npt.NDArray[np.uint16]
"""Nine times the 3x3 mean: its sum, which is exact in whole numbers."""
_CELLS = 9


def difference(current: Pixels, accepted: Pixels) -> Levels:
    """3x3 sum of the absolute difference, largest channel: shape (height, width), 0 to 2,295."""
    apart = distance(current, accepted)
    return np.asarray(cv2.boxFilter(apart, cv2.CV_16U, (3, 3), normalize=False), np.uint16)


def changed(current: Pixels, accepted: Pixels, thresholds: Levels | None) -> bool:
    """Whether a crop shows something else than the accepted one; `thresholds` are by tile, None is exact."""
    if current is accepted:
        return False
    if current.shape != accepted.shape:
        return True
    if thresholds is None:
        return cv2.norm(current, accepted, cv2.NORM_INF) > 0  # unlike a comparison, it makes no picture of it
    return bool((_by_tile(current, accepted) > thresholds).any())


class Noise:
    """What noise a source shows, learned from pairs of consecutive captures, for each tile of 16 x 16 pixels.

    One writer: the capture loop. A tile that changes now and then is content and stays exact.
    """

    def __init__(self) -> None:
        self._history: Levels | None = None
        self._pairs = 0
        self.thresholds: Levels | None = None
        """By tile (rows, columns); None while the source has shown no noise."""

    def observe(self, current: Pixels, previous: Pixels) -> None:
        """Learn from two captures that are not equal."""
        rows, columns = (-(-side // TILE_PX) for side in current.shape[:2])
        if current.shape != previous.shape or self._history is None or self._history.shape[1:] != (rows, columns):
            self._history = np.zeros((_HISTORY, rows, columns), np.uint16)
            self._pairs, self.thresholds = 0, None
        if current.shape == previous.shape:
            self._learn(_by_tile(current, previous))

    def observe_equal(self) -> None:
        """Learn from two equal captures: no noise anywhere."""
        if self._history is not None and self._pairs:
            self._learn(np.zeros(self._history.shape[1:], np.uint16))

    def _learn(self, levels: Levels) -> None:
        assert self._history is not None
        self._history[self._pairs % _HISTORY] = levels
        self._pairs += 1
        if self._pairs < _HISTORY:
            return
        highest = HIGHEST_THRESHOLD * _CELLS
        calm = self._history <= highest
        restless = ((self._history > 0) & calm).sum(axis=0) >= _NOISY_SHARE * calm.sum(axis=0)
        most = np.where(calm, self._history, 0).max(axis=0)
        is_noise = restless & (calm.mean(axis=0) >= _CALM_SHARE)
        learned = np.where(is_noise, np.minimum(most * _MARGIN, highest), 0).astype(np.uint16)
        self.thresholds = learned if learned.any() else None

    def thresholds_in(self, box: Box) -> Levels | None:
        """The thresholds of the tiles of a box whose edges lie on tile edges; None where all are exact."""
        if self.thresholds is None:
            return None
        rows = slice(box.y // TILE_PX, -(-box.bottom // TILE_PX))
        columns = slice(box.x // TILE_PX, -(-box.right // TILE_PX))
        inside = self.thresholds[rows, columns]
        return inside if inside.any() else None


def _by_tile(current: Pixels, accepted: Pixels) -> Levels:
    """The largest difference in each tile: band by band, so that what is in between fits the processor's cache."""
    return np.concatenate([_in_band(current, accepted, top) for top in range(0, len(current), _BAND_PX)])


def _in_band(current: Pixels, accepted: Pixels, top: int) -> Levels:
    """The same in the tiles of one band; the row above and the one below it are in its means."""
    rows = slice(max(0, top - 1), top + _BAND_PX + 1)
    levels = difference(current[rows], accepted[rows])
    return _tile_maximum(levels[top - rows.start :][:_BAND_PX])


def _tile_maximum(levels: Levels) -> Levels:
    below, right = (-side % TILE_PX for side in levels.shape)
    padded = np.asarray(cv2.copyMakeBorder(levels, 0, below, 0, right, cv2.BORDER_REPLICATE), np.uint16)
    rows = padded.reshape(-1, TILE_PX, padded.shape[1]).max(axis=1)  # over both axes at once it takes much longer
    return np.asarray(rows.reshape(len(rows), -1, TILE_PX).max(axis=2), np.uint16)
