"""JPEG as OBS would send it, for tests that need one; FourEyes itself encodes losslessly."""

from __future__ import annotations

import cv2

from foureyes.picture import Pixels


def encode_jpeg(pixels: Pixels, quality: int = 90) -> bytes:
    """Encode as JPEG of the given quality (1-100)."""
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, quality])
    assert done
    return data.tobytes()
