"""The screen as a source, through mss: one monitor or a rectangle in pixels."""

from __future__ import annotations

from contextlib import suppress

import cv2
import mss
import mss.exception
import numpy as np

from foureyes.config.settings import ScreenSource as ScreenSettings
from foureyes.exceptions import SourceMissingError
from foureyes.frames.same import SamePixels
from foureyes.picture import Picture, Pixels

# mss says it by an assertion (under python -O by a NULL pointer) where the display has gone
_MSS_ERRORS = (mss.exception.ScreenShotError, OSError, AssertionError, ValueError)


class ScreenSource:
    """Pictures of the screen. mss belongs to the thread that made it: `grab` and `close` come from one thread."""

    kind = "screen"
    finite = False

    def __init__(self, settings: ScreenSettings) -> None:
        self._settings = settings
        self._screen: mss.MSS | None = None
        self._area: dict[str, int] = {}
        self._same = SamePixels()

    @property
    def description(self) -> str:
        """What is watched, for people."""
        if self._settings.rect is not None:
            x, y, width, height = self._settings.rect
            return f"{width}x{height} pixels of the screen at {x},{y}"
        return f"monitor {self._settings.monitor}" if self._settings.monitor else "all monitors"

    def grab(self) -> Picture:
        """Return the screen as it is now; equal pixels, the same object. Raises SourceMissingError."""
        try:
            return self._same.picture(self._pixels())
        except _MSS_ERRORS as error:
            self.close()  # the display may come back: the next grab opens it anew
            raise SourceMissingError(
                f"no screen can be read{_told(error)}; set DISPLAY to a running display, or choose another source"
            ) from error
        except SourceMissingError:
            self.close()  # the monitors are asked for anew: one may be plugged in
            raise

    def close(self) -> None:
        """Let go of the display; may be called twice."""
        screen, self._screen = self._screen, None
        if screen is not None:
            with suppress(mss.exception.ScreenShotError):  # said after it has closed: the display went before
                screen.close()

    def _pixels(self) -> Pixels:
        if self._screen is None:
            self._screen = mss.MSS()
            self._area = self._find_area(self._screen.monitors)
        shot = self._screen.grab(self._area)
        bgra = np.frombuffer(shot.raw, np.uint8).reshape(shot.height, shot.width, 4)
        return np.asarray(cv2.cvtColor(bgra, cv2.COLOR_BGRA2BGR), np.uint8)

    def _find_area(self, monitors: list[dict[str, int]]) -> dict[str, int]:
        number = self._settings.monitor
        if self._settings.rect is not None:
            return self._find_rect(monitors[0], self._settings.rect)
        if number >= len(monitors):
            raise SourceMissingError(
                f"there is no monitor {number}; there are {len(monitors) - 1}, 1 is the first"
            )
        return monitors[number]

    def _find_rect(self, whole: dict[str, int], rect: tuple[int, int, int, int]) -> dict[str, int]:
        x, y, width, height = rect
        left, top, right, bottom = x - whole["left"], y - whole["top"], x + width, y + height
        inside = min(left, top) >= 0 and right <= whole["left"] + whole["width"]
        if min(width, height) < 1 or not inside or bottom > whole["top"] + whole["height"]:
            raise SourceMissingError(
                f"the rectangle {x},{y},{width},{height} is not inside the screen, which has "
                f"{whole['width']}x{whole['height']} pixels from {whole['left']},{whole['top']}"
            )
        return {"left": x, "top": y, "width": width, "height": height}


def _told(error: Exception) -> str:
    return f" ({error})" if str(error) else ""
