"""The pictures that faults refer to: files by digest, kept for some days and within a size."""

from __future__ import annotations

import contextlib
import os
import re
import time
from collections.abc import Callable
from pathlib import Path

import xxhash

from foureyes.exceptions import PictureError
from foureyes.picture import Picture, digest, encode_png

_SUFFIXES = (".png", ".jpg")
_DIGEST = re.compile(r"[0-9a-f]{16,128}")
_DAY_S = 86_400


class PictureStore:
    """One folder of pictures."""

    def __init__(
        self, folder: Path, *, keep_days: float, max_bytes: int, now: Callable[[], float] = time.time
    ) -> None:
        self._folder = folder
        self._keep_s = keep_days * _DAY_S
        self._max_bytes = max_bytes
        self._now = now

    def keep(self, picture: Picture) -> str:
        """Keep a picture, whole or not at all; its digest. Raises OSError where the disk refuses."""
        name = name_of(picture)
        if self.find(name) is None:
            data = picture.encoded or encode_png(picture.pixels)
            self._folder.mkdir(parents=True, exist_ok=True, mode=0o700)
            suffix = ".jpg" if data.startswith(b"\xff\xd8") else ".png"
            whole = self._folder / f"{name}.new"
            whole.write_bytes(data)
            whole.replace(self._folder / f"{name}{suffix}")
        return name

    def find(self, name: str) -> Path | None:
        """The file of a picture by its digest; None where it is not kept, or not any more."""
        if _DIGEST.fullmatch(name) is None:
            return None
        folder = self._folder.resolve()
        files = ((folder / f"{name}{suffix}").resolve() for suffix in _SUFFIXES)
        return next((file for file in files if file.is_relative_to(folder) and file.is_file()), None)

    def prune(self) -> int:
        """Remove what is too old, and the oldest of what is too much; how many went."""
        files = sorted(self._files(), key=lambda file: file[1].st_mtime)
        total, oldest_s, gone = sum(status.st_size for _, status in files), self._now() - self._keep_s, 0
        for file, status in files:
            if status.st_mtime >= oldest_s and total <= self._max_bytes:
                break
            file.unlink(missing_ok=True)
            total, gone = total - status.st_size, gone + 1
        return gone

    def _files(self) -> list[tuple[Path, os.stat_result]]:
        found = []
        with contextlib.suppress(FileNotFoundError):
            for file in self._folder.iterdir():
                with contextlib.suppress(FileNotFoundError):
                    found.append((file, file.stat()))
        return found


def name_of(picture: Picture) -> str:
    """The digest of its pixels; of its bytes where they are no picture, which may be the fault."""
    try:
        return digest(picture.pixels)
    except PictureError:
        return xxhash.xxh3_128(picture.encoded or b"").hexdigest()
