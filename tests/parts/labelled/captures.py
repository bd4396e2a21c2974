"""A drawn screen as it is captured: scaled, and encoded as PNG or as JPEG of several qualities."""

from __future__ import annotations

import random

import cv2
import numpy as np
from PIL import Image

SCALES = (1.0, 1.0, 1.0, 0.75, 0.85, 1.25, 1.5)
_QUALITIES = (50, 60, 75, 85, 95)


def capture(rng: random.Random, image: Image.Image, scale: float) -> tuple[str, bytes]:
    """The picture's suffix and its encoded bytes."""
    pixels = np.asarray(image, np.uint8)[:, :, ::-1]
    if scale != 1:
        way = cv2.INTER_AREA if scale < 1 else cv2.INTER_LINEAR
        pixels = np.asarray(cv2.resize(pixels, None, fx=scale, fy=scale, interpolation=way), np.uint8)
    if rng.random() < 0.35:
        return ".png", _encoded(".png", pixels, [])
    return ".jpg", _encoded(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, rng.choice(_QUALITIES)])


def _encoded(suffix: str, pixels: np.ndarray, parameters: list[int]) -> bytes:
    done, data = cv2.imencode(suffix, pixels, parameters)
    assert done, f"OpenCV could not encode a picture as {suffix}"
    return data.tobytes()
