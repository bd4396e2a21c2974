"""What a picture looks like from afar: colour and edges of a grid of cells, the same at every size and quality."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import numpy.typing as npt

from foureyes.picture import Pixels

ROWS, COLUMNS = 22, 40
"""Cells of a picture: 32 pixels a side at 1280x720."""
_CELL_PX = 8
_WIDTH, _HEIGHT = COLUMNS * _CELL_PX, ROWS * _CELL_PX
_SHIFTS = tuple(itertools.product((-1, 0, 1), repeat=2))
"""By how many pixels of the small picture a cell may have moved, down and across: 4 pixels at 1280x720."""
_COLOUR, _EDGES = 50.0, 24.0
"""How far colours (of Lab) and edges (root of their mean strength) lie apart that are as different as can be."""
_STANDS_OUT = 0.3
"""Distance from the ground at which a cell is no ground at all."""
_DIRECTIONS = 4

Grid = npt.NDArray[np.float32]
"""One number a cell: shape (ROWS, COLUMNS)."""
Descriptor = npt.NDArray[np.float32]
"""By shift, features and cell: shape (9, 3 + 4, ROWS, COLUMNS); the unmoved one is in the middle."""
UNMOVED = len(_SHIFTS) // 2


def describe(pixels: Pixels) -> Descriptor:
    """Describe a picture, and the same picture moved a little in every direction."""
    small = np.asarray(cv2.resize(pixels, (_WIDTH, _HEIGHT), interpolation=cv2.INTER_AREA), np.uint8)
    maps = [*cv2.split(cv2.cvtColor(small.astype(np.float32) / 255, cv2.COLOR_BGR2Lab)), *_edges(small)]
    means = [
        cv2.boxFilter(each, cv2.CV_32F, (_CELL_PX, _CELL_PX), borderType=cv2.BORDER_REPLICATE) for each in maps
    ]
    colours = np.stack(means[:3]) / _COLOUR
    edges = np.sqrt(np.maximum(np.stack(means[3:]), 0)) * (np.sqrt(255.0) / _EDGES)
    whole = np.concatenate([colours, edges])
    return np.stack([_sampled(whole, down, across) for down, across in _SHIFTS]).astype(np.float32)


def distances(seen: Descriptor, known: Descriptor) -> Grid:
    """How far each cell lies from the known picture's, 0 to 1, at the shift that suits it best."""
    apart = seen - known[UNMOVED]
    return np.asarray(np.minimum(np.sqrt((apart * apart).sum(axis=1)).min(axis=0), 1.0), np.float32)


def _edges(small: Pixels) -> list[npt.NDArray[np.float32]]:
    """Strength of the edges by their direction, each edge shared between the two that are nearest."""
    grey = cv2.cvtColor(small, cv2.COLOR_BGR2GRAY).astype(np.float32) / 255
    strength, angle = cv2.cartToPolar(cv2.Sobel(grey, cv2.CV_32F, 1, 0), cv2.Sobel(grey, cv2.CV_32F, 0, 1))
    place = angle * (_DIRECTIONS / np.pi)
    nearness = (np.abs((place - k + _DIRECTIONS / 2) % _DIRECTIONS - _DIRECTIONS / 2) for k in range(_DIRECTIONS))
    return [np.asarray(strength * np.maximum(0, 1 - near), np.float32) for near in nearness]


def _sampled(whole: npt.NDArray[np.float32], down: int, across: int) -> npt.NDArray[np.float32]:
    """The means at the cells' middles, moved by so many pixels, at the picture's edge less."""
    rows = np.clip(np.arange(ROWS) * _CELL_PX + _CELL_PX // 2 + down, 0, _HEIGHT - 1)
    columns = np.clip(np.arange(COLUMNS) * _CELL_PX + _CELL_PX // 2 + across, 0, _WIDTH - 1)
    return whole[:, rows[:, None], columns]


def occupancy(seen: Descriptor) -> npt.NDArray[np.float32]:
    """How much each cell stands out from the picture's ground, 0 to 1, by shift: shape (9, ROWS, COLUMNS)."""
    ground = np.median(seen[UNMOVED], axis=(1, 2))[None, :, None, None]
    return np.asarray(np.minimum(np.sqrt(((seen - ground) ** 2).sum(axis=1)) / _STANDS_OUT, 1.0), np.float32)
