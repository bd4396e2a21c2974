"""Pictures of one colour, and telling colours apart after JPEG."""

from __future__ import annotations

import os
import time
from itertools import count
from pathlib import Path

import cv2
import numpy as np

from foureyes.picture import Pixels

Colour = tuple[int, int, int]
RED: Colour = (0, 0, 255)
GREEN: Colour = (0, 255, 0)
BLUE: Colour = (255, 0, 0)
"""BGR, as everywhere."""

_stamps = count(int(time.time()))


def plain(colour: Colour, width: int = 64, height: int = 48) -> Pixels:
    """A picture of one colour."""
    return np.full((height, width, 3), colour, np.uint8)


def write_plain(file: Path, colour: Colour, width: int = 64, height: int = 48) -> Path:
    """Write a picture of one colour as the file's suffix says, in place at once."""
    unfinished = file.with_name(f"unfinished{file.suffix}")
    assert cv2.imwrite(str(unfinished), plain(colour, width, height))
    # OBS looks at whole seconds of a file's time: two writes within one second would be one to it
    stamp = next(_stamps)
    os.utime(unfinished, (stamp, stamp))
    return unfinished.replace(file)


def shows(pixels: Pixels, colour: Colour, x: int, y: int) -> bool:
    """Whether a pixel is of a colour, but for what JPEG makes of it."""
    return bool(np.abs(pixels[y, x].astype(int) - colour).max() <= 8)
