"""A folder of pictures as a source."""

from __future__ import annotations

import re
from pathlib import Path

from foureyes.config.settings import ImagesSource as ImagesSettings
from foureyes.exceptions import PictureError, SourceMissingError, SourceUnreadableError
from foureyes.frames.same import SameBytes
from foureyes.frames.source import EndOfSource
from foureyes.picture import Picture

_SUFFIXES = {".png", ".jpg", ".jpeg"}


class ImagesSource:
    """The PNG and JPEG files of a folder, one a look, in the order a person would give them (2 before 10)."""

    kind = "images"
    finite = True

    def __init__(self, settings: ImagesSettings) -> None:
        self._folder: Path = settings.path
        self._waiting: list[Path] | None = None
        self._same = SameBytes()

    @property
    def description(self) -> str:
        """What is watched, for people."""
        return f"the pictures in {self._folder}"

    def grab(self) -> Picture:
        """Return the next picture; equal bytes as the last, the same object.

        Raises EndOfSource after the last one, SourceUnreadableError for a broken one (the next call goes on behind
        it), SourceMissingError where there is no picture at all.
        """
        if self._waiting is None:
            self._waiting = self._listed()
        if not self._waiting:
            raise EndOfSource
        return read_picture(self._waiting.pop(0), self._same)

    def close(self) -> None:
        """Nothing is held open."""

    def _listed(self) -> list[Path]:
        try:
            files = [file for file in self._folder.iterdir() if file.suffix.lower() in _SUFFIXES]
        except OSError as error:
            reason = (error.strerror or str(error)).lower()
            raise SourceMissingError(
                f"{self._folder}: {reason}; name a folder with PNG or JPEG pictures"
            ) from error
        if not files:
            raise SourceMissingError(f"{self._folder} has no picture; put PNG or JPEG files into it")
        return sorted(files, key=_natural)


def _natural(file: Path) -> list[tuple[str, int]]:
    return [(text, int(digits or 0)) for text, digits in re.findall(r"(\D*)(\d*)", file.name.casefold())]


def read_picture(file: Path, same: SameBytes) -> Picture:
    """Return the file as a picture that decodes. Raises SourceUnreadableError that names the file."""
    try:
        picture = same.picture(file.read_bytes())
        _ = picture.pixels
    except OSError as error:
        reason = (error.strerror or str(error)).lower()
        raise SourceUnreadableError(f"{file} cannot be read: {reason}; it is passed over") from error
    except PictureError as error:
        raise SourceUnreadableError(f"{file} is passed over: {error}") from error
    return picture
