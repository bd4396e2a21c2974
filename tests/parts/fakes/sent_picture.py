"""The pictures of a request: told by their own bytes, and taken out of the body before it is written down."""

from __future__ import annotations

import base64
import binascii
import hashlib
import io
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from typing import Any


@dataclass(frozen=True)
class SentPicture:
    """One `image_url` part: what it says it is and what it is."""

    declared: str
    """The media type of the data URL; empty for bare base64, "remote" for an address."""
    media_type: str
    """What the bytes are; empty where they are no picture."""
    width: int
    height: int
    size_bytes: int
    digest: str


def image_parts(body: Any) -> Iterator[dict[str, Any]]:
    """Every `image_url` part of a chat request."""
    messages = body.get("messages") if isinstance(body, dict) else None
    for message in messages or []:
        parts = message.get("content")
        for part in parts if isinstance(parts, list) else []:
            if part.get("type") == "image_url":
                yield part


def looked_at(url: str) -> tuple[SentPicture, bytes]:
    """What a part's `url` holds, and the picture's bytes."""
    if url.startswith(("http:", "https:", "file:")):
        return SentPicture("remote", "", 0, 0, 0, ""), b""
    head, comma, text = url.partition(",")
    declared = head.removeprefix("data:").partition(";")[0] if comma else ""
    try:
        data = base64.b64decode(text if comma else url, validate=True)
    except binascii.Error:
        data = b""
    media_type, width, height = _decoded(data)
    return SentPicture(declared, media_type, width, height, len(data), hashlib.sha256(data).hexdigest()), data


def _decoded(data: bytes) -> tuple[str, int, int]:
    from PIL import Image, UnidentifiedImageError  # noqa: PLC0415 - it takes longer to import than a fake to start

    Image.MAX_IMAGE_PIXELS = None
    try:
        with Image.open(io.BytesIO(data)) as picture:
            return f"image/{(picture.format or '').lower()}", *picture.size
    except UnidentifiedImageError:
        return "", 0, 0


def without_bytes(part: dict[str, Any], picture: SentPicture) -> None:
    """Put what the picture is in the place of its bytes."""
    part["image_url"] = {**part["image_url"], "url": asdict(picture)}
