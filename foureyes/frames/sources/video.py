"""A video file as a source."""

from __future__ import annotations

import math
import os
import time
from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from foureyes.config.settings import VideoSource as VideoSettings
from foureyes.exceptions import SourceMissingError, SourceUnreadableError
from foureyes.frames.same import SamePixels
from foureyes.frames.source import EndOfSource
from foureyes.picture import Picture, Pixels

# OpenCV and its FFmpeg write to stderr about a file that they cannot read; the errors below say it.
os.environ.setdefault("OPENCV_FFMPEG_LOGLEVEL", "-8")
cv2.utils.logging.setLogLevel(cv2.utils.logging.LOG_LEVEL_SILENT)

_USUAL_FPS = 25.0
_MOST_FPS = 1000.0


class VideoSource:
    """The frames of a video: those that its own rate has reached (pace own), or each in turn (pace fast)."""

    kind = "video"
    finite = True

    def __init__(self, settings: VideoSettings, *, now: Callable[[], float] = time.monotonic) -> None:
        self._path: Path = settings.path
        self._own_pace = settings.pace == "own"
        self._now = now
        self._capture: cv2.VideoCapture | None = None
        self._next_index = 0
        self._start_s = 0.0
        self._fps = _USUAL_FPS
        self._same = SamePixels()

    @property
    def description(self) -> str:
        """What is watched, for people."""
        return f"the video {self._path}"

    def grab(self) -> Picture:
        """Return the frame that is due; equal pixels, the same object.

        Raises EndOfSource after the last one, also where the file ends before its header says so;
        SourceMissingError or SourceUnreadableError where there is no video.
        """
        capture = self._opened()
        due_index = self._due_index()
        while self._next_index < due_index:
            self._advance(capture)
        if self._next_index == due_index:
            self._current = self._same.picture(self._read(capture))
        return self._current

    def close(self) -> None:
        """Let go of the file; may be called twice."""
        capture, self._capture = self._capture, None
        if capture is not None:
            capture.release()

    def _opened(self) -> cv2.VideoCapture:
        if self._capture is None:
            if not self._path.is_file():
                raise SourceMissingError(f"there is no file {self._path}; correct the path of the video")
            capture = cv2.VideoCapture(str(self._path))
            if not capture.isOpened():
                raise self._unreadable()
            rate = capture.get(cv2.CAP_PROP_FPS)
            self._fps = rate if math.isfinite(rate) and 0 < rate <= _MOST_FPS else _USUAL_FPS
            self._capture, self._start_s = capture, self._now()
        return self._capture

    def _due_index(self) -> int:
        """The number of the frame to show: never behind the one that was read last."""
        if not self._own_pace:
            return self._next_index
        return max(self._next_index - 1, int((self._now() - self._start_s) * self._fps))

    def _advance(self, capture: cv2.VideoCapture) -> None:
        if not capture.grab():
            raise EndOfSource
        self._next_index += 1

    def _read(self, capture: cv2.VideoCapture) -> Pixels:
        done, pixels = capture.read()
        if not done and self._next_index == 0:
            self.close()
            raise self._unreadable()
        if not done:
            raise EndOfSource
        self._next_index += 1
        return np.asarray(pixels, np.uint8)

    def _unreadable(self) -> SourceUnreadableError:
        return SourceUnreadableError(
            f"{self._path} is no video that can be read; convert it to MP4, or correct the path"
        )
