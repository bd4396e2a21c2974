"""The large values of a fault's calls: texts without secrets; pictures, arrays and bytes in files by digest."""

from __future__ import annotations

import base64
import binascii
import re
from typing import Any

import numpy as np
import xxhash

from foureyes.exceptions import PictureError
from foureyes.picture import encode_png
from foureyes.redaction import REDACTED, redact_text

TAG = "$"

MAX_INLINE_CHARS = 20_000
MAX_TEXT_CHARS = 2_000_000
MAX_BYTES = 64_000_000
"""Of all files of one fault."""
_WINDOW, _STEP = 20_000, 18_000
_MAGICS = (b"\x89PNG", b"\xff\xd8")
_DATA_URL = re.compile(r"data:image/[a-z]{3,4};base64,")
_ENCODED = "base64,"
_MOST_UNKNOWN_BYTES = 1000
"""Where pictures are not kept, more bytes than these that are no text may be one."""
_NO_PICTURES = "pictures are not kept (capture.keep_frames, or parts of them are masked)"


def missing(why: str) -> dict[str, Any]:
    """The mark of what is not kept."""
    return {TAG: "missing", "why": redact_text(why)}


class Blobs:
    """What goes into files, within a bound; each method gives the JSON that stands for its value."""

    def __init__(self, *, keep_pictures: bool) -> None:
        self.files: dict[str, bytes] = {}
        self._keep_pictures = keep_pictures
        self._bytes = 0

    def text(self, value: str, *, is_secret: bool = False) -> Any:  # noqa: PLR0911 - one a kind
        """A text without secrets; a data URL's picture goes to a file."""
        if is_secret:
            return REDACTED if value else value
        head = _DATA_URL.match(value)
        if len(value) > (MAX_TEXT_CHARS if head is None else MAX_BYTES):
            return missing(f"a text of {len(value):,} characters is too long")
        if head is not None:
            return self._data_url(value, head.end())
        if not self._keep_pictures and _ENCODED in value:
            return missing(_NO_PICTURES)
        if len(value) <= MAX_INLINE_CHARS:
            text = redact_text(value)
            return (
                text if _is_plain(text) else {TAG: "utf-16", "hex": text.encode("utf-16", "surrogatepass").hex()}
            )
        if not _is_clean(value):
            return missing("a long text with a secret in it")
        return self._file({TAG: "text"}, value.encode("utf-8", "surrogatepass"), "txt")

    def _data_url(self, value: str, start: int) -> Any:
        try:
            data = base64.b64decode(value[start:], validate=True)
        except binascii.Error:
            return {TAG: "missing", "why": "a picture's URL that is no base64"}
        return {TAG: "data_url", "head": value[:start], "data": self.binary(data)}

    def binary(self, value: bytes | bytearray, *, is_secret: bool = False, kind: str = "bytes") -> Any:  # noqa: PLR0911
        """Bytes; those of a picture by digest."""
        if is_secret:
            return {TAG: kind, "base64": ""}
        if value[:4].startswith(_MAGICS):
            return self._picture({TAG: kind}, bytes(value), "png" if value[:4] == _MAGICS[0] else "jpg")
        if len(value) > MAX_TEXT_CHARS:
            return missing(f"{len(value):,} bytes are too many")
        text = value.decode("utf-8", "backslashreplace")
        if not self._keep_pictures and _may_hold_picture(value, text):
            return missing(_NO_PICTURES)
        if len(text) <= MAX_INLINE_CHARS:
            clean = redact_text(text)
            data = bytes(value) if clean == text else clean.encode()
            return {TAG: kind, "base64": base64.b64encode(data).decode("ascii")}
        if not _is_clean(text):
            return missing("many bytes with a secret in them")
        return self._file({TAG: kind}, bytes(value), "bin")

    def _picture(self, tag: dict[str, Any], data: bytes, suffix: str) -> Any:
        if not self._keep_pictures:
            return missing(_NO_PICTURES)
        return self._file(tag, data, suffix)

    def _file(self, tag: dict[str, Any], data: bytes, suffix: str) -> Any:
        name = f"{xxhash.xxh3_128(data).hexdigest()}.{suffix}"
        if name not in self.files:
            if self._bytes + len(data) > MAX_BYTES:
                return missing(f"{len(data):,} bytes are too many")
            self._bytes += len(data)
            self.files[name] = data
        return {**tag, "file": name}

    def array(self, value: np.ndarray[Any, Any], number: int) -> Any:
        """An array; one that looks like a picture as PNG."""
        if value.nbytes > MAX_BYTES or value.dtype.hasobject:
            return missing(f"an array of {value.shape} of {value.dtype}")
        tag = {TAG: "array", "n": number, "writeable": bool(value.flags.writeable)}
        is_large = value.ndim >= 2 and value.size > 64
        if is_large and value.dtype == np.uint8 and value.shape[2:] == (3,) and 0 not in value.shape:
            try:
                return self._picture(tag, encode_png(value), "png")
            except PictureError as error:
                return missing(str(error))
        may_be_encoded = value.ndim == 1 and value.nbytes > _MOST_UNKNOWN_BYTES
        if (is_large or may_be_encoded) and not self._keep_pictures:
            return missing(_NO_PICTURES)
        return self._file(tag | {"dtype": value.dtype.str, "shape": value.shape}, value.tobytes(), "raw")


def _may_hold_picture(value: bytes | bytearray, text: str) -> bool:
    is_text = len(text.encode("utf-8", "replace")) == len(value)
    return _ENCODED in text or (not is_text and len(value) > _MOST_UNKNOWN_BYTES)


def _is_clean(text: str) -> bool:
    """Whether a long text has no secret, looked at in overlapping pieces."""
    pieces = (text[start : start + _WINDOW] for start in range(0, len(text), _STEP))
    return all(redact_text(piece) == piece for piece in pieces)


def _is_plain(text: str) -> bool:
    try:
        text.encode()
    except UnicodeEncodeError:
        return False
    return True
