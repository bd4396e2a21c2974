"""The typefaces of the labelled set; half of them are for the held-back half alone."""

from __future__ import annotations

from dataclasses import dataclass
from functools import lru_cache
from pathlib import Path

from PIL import ImageFont

_FONTS = Path("/usr/share/fonts/truetype")
_DIGITS_SHARE = 0.72
"""Height of digits over the size of the type, as foureyes/engine/ink.py measures it."""


@dataclass(frozen=True)
class Face:
    """A typeface by its file below the fonts' folder, and the Debian package that brings it."""

    file: str
    package: str

    @property
    def name(self) -> str:
        """The file's name alone."""
        return Path(self.file).stem

    def font(self, px: float) -> ImageFont.FreeTypeFont:
        """The face with digits as high as those of a type of `px` pixels. Raises FileNotFoundError."""
        return _font(self, round(px / self._size_of_one, 1))

    @property
    def _size_of_one(self) -> float:
        _, top, _, bottom = _font(self, 1000).getbbox("0123456789")
        return (bottom - top) / 1000 / _DIGITS_SHARE


@lru_cache(maxsize=512)
def _font(face: Face, size: float) -> ImageFont.FreeTypeFont:
    path = _FONTS / face.file
    if not path.exists():
        raise FileNotFoundError(f"the font {path} is missing: install Debian's package {face.package}")
    return ImageFont.truetype(str(path), size)


DEVELOPMENT = (
    Face("dejavu/DejaVuSans.ttf", "fonts-dejavu-core"),
    Face("dejavu/DejaVuSans-Bold.ttf", "fonts-dejavu-core"),
    Face("dejavu/DejaVuSerif.ttf", "fonts-dejavu-core"),
    Face("dejavu/DejaVuSansMono.ttf", "fonts-dejavu-core"),
    Face("liberation/LiberationSans-Regular.ttf", "fonts-liberation"),
    Face("liberation/LiberationSans-Bold.ttf", "fonts-liberation"),
)
FURTHER = (
    Face("dejavu/DejaVuSansMono-Bold.ttf", "fonts-dejavu-core"),
    Face("dejavu/DejaVuSerif-Bold.ttf", "fonts-dejavu-core"),
    Face("liberation/LiberationMono-Regular.ttf", "fonts-liberation"),
    Face("liberation/LiberationSerif-Italic.ttf", "fonts-liberation"),
    Face("liberation/LiberationSansNarrow-Bold.ttf", "fonts-liberation"),
    Face("open-sans/OpenSans-Light.ttf", "fonts-open-sans"),
    Face("open-sans/OpenSans-CondBold.ttf", "fonts-open-sans"),
    Face("roboto/unhinted/RobotoCondensed-Regular.ttf", "fonts-roboto-unhinted"),
)
HELD_BACK = (
    Face("liberation/LiberationSerif-Regular.ttf", "fonts-liberation"),
    Face("liberation/LiberationMono-Bold.ttf", "fonts-liberation"),
    Face("liberation/LiberationSansNarrow-Regular.ttf", "fonts-liberation"),
    Face("open-sans/OpenSans-Regular.ttf", "fonts-open-sans"),
    Face("open-sans/OpenSans-Semibold.ttf", "fonts-open-sans"),
    Face("roboto/unhinted/RobotoTTF/Roboto-Medium.ttf", "fonts-roboto-unhinted"),
)
