"""A picture as it is sent to a language model: PNG or JPEG of our own making, no larger than it may be."""

from __future__ import annotations

import base64
from dataclasses import dataclass

import cv2
import numpy as np

from foureyes.exceptions import BadImageError, PictureError
from foureyes.picture import Pixels, decode, encode_png

_JPEG_MAGIC = b"\xff\xd8"
_JPEG_QUALITY = 90


@dataclass(frozen=True)
class SentPicture:
    """A data URL, and how much smaller the picture in it is than the one that was given."""

    data_url: str
    scale: float


def prepared(data: bytes, max_edge_px: int) -> SentPicture:
    """Encode a picture anew: servers stumble over some files that are fine. Slow: keep it off the event loop.

    JPEG stays JPEG and PNG stays PNG: what was lossless stays so. Raises BadImageError.
    """
    try:
        pixels = decode(data)
        scale = min(1.0, max_edge_px / max(pixels.shape[:2]))
        smaller = pixels if scale == 1.0 else _shrunk(pixels, scale)
        if data.startswith(_JPEG_MAGIC):
            return SentPicture(data_url("jpeg", _jpeg(smaller)), scale)
        return SentPicture(data_url("png", encode_png(smaller)), scale)
    except PictureError as error:
        raise BadImageError(f"the picture cannot be sent: {error}") from error


def data_url(kind: str, data: bytes) -> str:
    """Encoded bytes as a data URL."""
    return f"data:image/{kind};base64,{base64.b64encode(data).decode('ascii')}"


def _shrunk(pixels: Pixels, scale: float) -> Pixels:
    height, width = pixels.shape[:2]
    size = (max(1, round(width * scale)), max(1, round(height * scale)))
    return np.asarray(cv2.resize(pixels, size, interpolation=cv2.INTER_AREA), np.uint8)


def _jpeg(pixels: Pixels) -> bytes:
    done, data = cv2.imencode(".jpg", pixels, [cv2.IMWRITE_JPEG_QUALITY, _JPEG_QUALITY])
    if not done:
        raise BadImageError(f"a picture of shape {pixels.shape} cannot be encoded as JPEG")
    return data.tobytes()
