"""Videos whose frames can be told apart after encoding: each has its number as a shade of grey."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import cv2
import numpy as np

from foureyes.picture import Pixels

SHADE = 10
WIDTH, HEIGHT = 160, 120


def write_video(file: Path, numbers: Sequence[int], *, fps: float = 10.0, codec: str = "mp4v") -> Path:
    """Write a video with one frame of 160x120 for each number (0 to 25)."""
    writer = cv2.VideoWriter(str(file), cv2.VideoWriter.fourcc(*codec), fps, (WIDTH, HEIGHT))
    assert writer.isOpened()
    for number in numbers:
        writer.write(np.full((HEIGHT, WIDTH, 3), number * SHADE, np.uint8))
    writer.release()
    return file


def number_of(pixels: Pixels) -> int:
    """The number that a frame was written with."""
    return round(float(pixels.mean()) / SHADE)
