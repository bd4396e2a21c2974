"""The pictures that a truth file speaks of: files of a folder, or moments of a video."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import cv2
import numpy as np

from foureyes.evaluation.truth import Case
from foureyes.exceptions import SourceMissingError, SourceUnreadableError
from foureyes.frames.same import SameBytes
from foureyes.frames.sources.images import read_picture
from foureyes.picture import Picture

PictureOf = Callable[[Case], Picture]
"""Raises SourceError where there is no such picture."""
_ROUNDING = 1e-6
"""Of a frame: 0.29 s at 100 frames a second are frame 29, though a float says a little less."""


def pictures_in(place: Path) -> PictureOf:
    """The pictures of a folder or a video. Raises SourceMissingError where there is neither."""
    if place.is_dir():
        return lambda case: _of_folder(place, case)
    if not place.is_file():
        raise SourceMissingError(f"there is no folder or video {place}; correct the path")
    return lambda case: _of_video(place, case)


def _of_folder(folder: Path, case: Case) -> Picture:
    if case.picture is None:
        raise SourceMissingError(f"{folder} is a folder: name a picture of it, at_s is for videos")
    file = (folder / case.picture).resolve()
    if not file.is_relative_to(folder.resolve()):
        raise SourceMissingError(f"{case.picture} lies outside {folder}; only its own pictures are read")
    return read_picture(file, SameBytes())


def _of_video(video: Path, case: Case) -> Picture:
    if case.at_s is None:
        raise SourceMissingError(f"{video} is a video: give at_s, seconds from its beginning")
    capture = cv2.VideoCapture(str(video))
    try:
        if not capture.isOpened():
            raise SourceUnreadableError(f"{video} is no video that can be read; convert it to MP4")
        frame = case.at_s * capture.get(cv2.CAP_PROP_FPS)
        if frame >= capture.get(cv2.CAP_PROP_FRAME_COUNT):  # a seek beyond the end would give the last frame
            raise SourceMissingError(f"{video} has no frame at {case.at_s:g} s; it is shorter")
        capture.set(cv2.CAP_PROP_POS_FRAMES, int(frame + _ROUNDING))
        done, pixels = capture.read()
    finally:
        capture.release()
    if not done:
        raise SourceUnreadableError(f"{video} cannot be read at {case.at_s:g} s; it is damaged there")
    return Picture(pixels=np.asarray(pixels, np.uint8))
