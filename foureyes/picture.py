"""A picture: decoding, encoding, cropping and digests, bounded, for the daemon and the engine alike."""

from __future__ import annotations

import io
import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import cached_property

import cv2
import numpy as np
import numpy.typing as npt
import xxhash
from PIL import Image, UnidentifiedImageError

from foureyes.exceptions import BadPictureError, PictureTooLargeError

Pixels = npt.NDArray[np.uint8]
"""Decoded picture: BGR, 8 bit, shape (height, width, 3)."""

MAX_BYTES = 32 * 1024 * 1024
MAX_PIXELS = 20_000_000
MAX_SIDE_PX = 8192
BLOCK_PX = 16
"""The JPEG block: a change next to a region's edge shows inside its blocks, so regions end at their edges."""

_TRAILERS = {"JPEG": b"\xff\xd9", "PNG": b"IEND\xaeB`\x82"}


@dataclass(frozen=True)
class Box:
    """A rectangle in whole pixels: left, top, width, height."""

    x: int
    y: int
    width: int
    height: int

    @property
    def right(self) -> int:
        """First column behind the box."""
        return self.x + self.width

    @property
    def bottom(self) -> int:
        """First row behind the box."""
        return self.y + self.height

    @classmethod
    def of_fractions(cls, fractions: Sequence[float], width: int, height: int, edge_px: int = 1) -> Box:
        """Return x, y, width, height as fractions of a picture in pixels, edges moved outward to `edge_px`."""
        x, y, across, down = fractions
        left = math.floor(min(x * width, width - 1) / edge_px) * edge_px
        top = math.floor(min(y * height, height - 1) / edge_px) * edge_px
        right = min(width, math.ceil((x + across) * width / edge_px) * edge_px)
        bottom = min(height, math.ceil((y + down) * height / edge_px) * edge_px)
        return cls(left, top, max(1, right - left), max(1, bottom - top))

    def union(self, other: Box) -> Box:
        """Return the smallest box that holds both."""
        x, y = min(self.x, other.x), min(self.y, other.y)
        return Box(x, y, max(self.right, other.right) - x, max(self.bottom, other.bottom) - y)

    def overlaps(self, other: Box) -> bool:
        """Whether the two share at least one pixel."""
        return self.x < other.right and other.x < self.right and self.y < other.bottom and other.y < self.bottom

    def widened(self, margin_px: int, width: int, height: int) -> Box:
        """Return the box grown by a margin on every side, cut at a picture of `width` x `height` pixels."""
        x, y = max(0, self.x - margin_px), max(0, self.y - margin_px)
        right, bottom = min(width, self.right + margin_px), min(height, self.bottom + margin_px)
        return Box(x, y, max(0, right - x), max(0, bottom - y))

    def cut(self, pixels: Pixels) -> Pixels:
        """Return the view of `pixels` inside the box."""
        return pixels[self.y : self.bottom, self.x : self.right]


class Picture:
    """One immutable picture, given encoded or as pixels; it is decoded on first use.

    Two frames with equal bytes share one Picture, so that `is` tells "the same picture" for free.
    """

    def __init__(self, *, encoded: bytes | None = None, pixels: Pixels | None = None) -> None:
        if (encoded is None) == (pixels is None):
            raise ValueError("a Picture is made of encoded bytes or of pixels")
        self.encoded = encoded
        if pixels is not None:
            pixels.flags.writeable = False
            self.pixels = pixels

    @cached_property
    def pixels(self) -> Pixels:
        """BGR pixels, read-only. Raises PictureError where the bytes are not a whole picture."""
        assert self.encoded is not None
        decoded = decode(self.encoded)
        decoded.flags.writeable = False
        return decoded

    @property
    def width(self) -> int:
        """Width in pixels."""
        return int(self.pixels.shape[1])

    @property
    def height(self) -> int:
        """Height in pixels."""
        return int(self.pixels.shape[0])


def decode(data: bytes) -> Pixels:
    """Decode a whole PNG or JPEG to BGR pixels.

    Raises BadPictureError for anything else, also a truncated file (OpenCV would fill it with grey), and
    PictureTooLargeError before any pixel is decoded.
    """
    if len(data) > MAX_BYTES:
        raise PictureTooLargeError(f"the picture has {len(data):,} bytes; at most {MAX_BYTES:,} are accepted")
    measured(data)
    pixels = cv2.imdecode(np.frombuffer(data, np.uint8), cv2.IMREAD_COLOR)
    if pixels is None:
        raise BadPictureError("the picture's data is damaged; send a whole PNG or JPEG")
    return np.asarray(pixels, np.uint8)


def measured(data: bytes | bytearray) -> tuple[int, int]:
    """Width and height by the header, nothing decoded. Raises PictureError as `decode` does before it decodes."""
    try:
        with Image.open(io.BytesIO(data), formats=("PNG", "JPEG")) as image:
            kind, (width, height) = image.format or "", image.size
    except (UnidentifiedImageError, OSError, ValueError, SyntaxError, Image.DecompressionBombError) as error:
        raise BadPictureError("the bytes are no PNG or JPEG picture; send one of these") from error
    check_size(width, height)
    if not data.rstrip(b"\0\r\n").endswith(_TRAILERS[kind]):
        raise BadPictureError(f"the {kind} picture is truncated; send the whole file")
    return width, height


def check_size(width: int, height: int) -> None:
    """Raise PictureTooLargeError where a picture of this size (pixels) is over the bounds."""
    if width > MAX_SIDE_PX or height > MAX_SIDE_PX or width * height > MAX_PIXELS:
        raise PictureTooLargeError(
            f"the picture is {width}x{height}; at most {MAX_SIDE_PX} pixels a side and "
            f"{MAX_PIXELS / 1e6:.0f} megapixels are accepted"
        )


def encode_png(pixels: Pixels) -> bytes:
    """Encode losslessly, fast rather than small (compression 1)."""
    done, data = cv2.imencode(".png", pixels, [cv2.IMWRITE_PNG_COMPRESSION, 1])
    if not done:
        raise BadPictureError(f"a picture of shape {pixels.shape} cannot be encoded as PNG")
    return data.tobytes()


def distance(one: Pixels, other: Pixels) -> Pixels:
    """How far each pixel of two pictures of one shape differs in any channel, of shape (height, width)."""
    blue, green, red = cv2.split(cv2.absdiff(one, other))
    return np.asarray(cv2.max(cv2.max(blue, green), red), np.uint8)


def digest(pixels: Pixels) -> str:
    """Return the xxh3-128 of shape and pixels, in hex: equal for equal pixels, whatever the encoding was."""
    hasher = xxhash.xxh3_128(str(pixels.shape).encode())
    hasher.update(np.ascontiguousarray(pixels).data)
    return hasher.hexdigest()
