"""The pictures that were taught, read from a folder by their digests, and the lessons made of them."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from cachetools import LRUCache

from foureyes.engine.descriptor import Descriptor, describe
from foureyes.engine.lesson import Lesson
from foureyes.exceptions import BadPictureError, UsageError
from foureyes.picture import BLOCK_PX, MAX_BYTES, Box, decode, digest

_LESSONS = 64
"""About a megabyte each."""

Fractions = tuple[float, ...]


class Taught:
    """Lessons of states, by the digests of their pictures; these are read from one folder, each once."""

    def __init__(self, folder: Path | None) -> None:
        self._folder = folder
        self._lessons: LRUCache[tuple[tuple[str, ...], Fractions], Lesson] = LRUCache(_LESSONS)

    def lessons(
        self, pictures: Mapping[str, Sequence[str]], region: Sequence[float] = (0, 0, 1, 1)
    ) -> dict[str, Lesson]:
        """The lesson of each state; `region` says where in the pictures it stands (fractions).

        Digests are 32 hexadecimal digits, as the schema's check has made sure. Raises UsageError for a picture
        that is not there, BadPictureError for one that is another one now.
        """
        return {name: self._lesson(tuple(digests), tuple(region)) for name, digests in pictures.items()}

    def _lesson(self, digests: tuple[str, ...], region: Fractions) -> Lesson:
        lesson = self._lessons.get((digests, region))
        if lesson is None:
            lesson = Lesson([self._described(each, region) for each in digests])
            self._lessons[digests, region] = lesson
        return lesson

    def _described(self, name: str, region: Fractions) -> Descriptor:
        pixels = decode(self._bytes(name))
        if digest(pixels) != name:
            raise BadPictureError(f"the taught picture {name} is another one now; forget it, and teach it again")
        box = Box.of_fractions(region, pixels.shape[1], pixels.shape[0], BLOCK_PX)
        return describe(box.cut(pixels))

    def _bytes(self, name: str) -> bytes:
        if self._folder is None:
            raise UsageError("this engine was started without a folder of taught pictures; start it with --taught")
        try:
            with (self._folder / f"{name}.png").open("rb") as file:
                return file.read(MAX_BYTES + 1)
        except OSError as error:
            raise UsageError(
                f"the taught picture {name} cannot be read ({error.strerror}); forget it, and teach it again"
            ) from error
