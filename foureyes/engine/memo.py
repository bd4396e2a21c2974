"""What the engine remembers, bounded: lines by stream and by picture, texts by crop, pictures by their bytes.

Dropping any of it never changes an answer; it only makes the next one dearer.
"""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from dataclasses import dataclass

import xxhash
from cachetools import LRUCache

from foureyes.engine.line import Line, Text
from foureyes.picture import Pixels, decode, digest

_STREAMS = 16
_PAGES = 32
_TEXTS = 8192
_PICTURES = 8


@dataclass(frozen=True)
class Page:
    """The lines of one picture, and when it was last looked at as a whole (monotonic seconds)."""

    digest: str
    pixels: Pixels
    lines: tuple[Line, ...]
    complete: bool
    """Whether all text was read; a page with too much of it is read in part."""
    detected_s: float


@dataclass(frozen=True)
class Memory:
    """How old a thing remembered may be to be used for one request."""

    oldest_s: float = float("-inf")


class Memo:
    """Everything remembered for reading text. Used by one thread only."""

    def __init__(self, clock: Callable[[], float] = time.monotonic) -> None:
        self.clock = clock
        self._streams: LRUCache[str, Page] = LRUCache(_STREAMS)
        self._pages: LRUCache[str, tuple[tuple[Line, ...], bool, float]] = LRUCache(_PAGES)
        self._texts: LRUCache[str, tuple[Text, float]] = LRUCache(_TEXTS)

    def page(self, key: str, pixels: Pixels, memory: Memory) -> Page | None:
        """The page of a picture that was read before, by its pixels' digest."""
        known = self._pages.get(key)
        if known is None or known[2] < memory.oldest_s:
            return None
        return Page(key, pixels, known[0], known[1], known[2])

    def last(self, stream: str | None, memory: Memory) -> Page | None:
        """The last page of a stream, if it is young enough."""
        page = self._streams.get(stream) if stream is not None else None
        return page if page is not None and page.detected_s >= memory.oldest_s else None

    def keep(self, stream: str | None, page: Page) -> None:
        """Remember a page, for its pixels and as the last one of its stream."""
        self._pages[page.digest] = (page.lines, page.complete, page.detected_s)
        if stream is not None:
            self._streams[stream] = page

    def text(self, crop: Pixels, recognise: Callable[[Pixels], Text], memory: Memory) -> Text:
        """What a crop says: remembered, or recognised now."""
        key = digest(crop)
        known = self._texts.get(key)
        if known is not None and known[1] >= memory.oldest_s:
            return known[0]
        text = recognise(crop)
        self._texts[key] = (text, self.clock())
        return text

    def forget(self) -> None:
        """Drop everything."""
        self._streams.clear()
        self._pages.clear()
        self._texts.clear()


class Pictures:
    """Decoded pictures by the digest of their encoded bytes, so that four tasks decode one frame once."""

    def __init__(self) -> None:
        self._known: LRUCache[str, Pixels] = LRUCache(_PICTURES)
        self._lock = threading.Lock()

    def decode(self, data: bytes) -> Pixels:
        """BGR pixels, read-only; safe for two threads at once. Raises PictureError leaves."""
        key = xxhash.xxh3_128_hexdigest(data)
        with self._lock:
            pixels = self._known.get(key)
            if pixels is None:
                pixels = decode(data)
                pixels.flags.writeable = False
                self._known[key] = pixels
            return pixels
